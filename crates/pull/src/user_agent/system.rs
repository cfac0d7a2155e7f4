//! Which operating system a kernel's or a build's release string shows.

/// Hints that are whole parts of a release string, in the order they count: `6.1.0-18-cloud-amd64` is no `amd64` of
/// another maker, and `5.4.0-1045-aws` is Ubuntu's kernel for AWS, which `aws` says better than `generic` would.
const PARTS: &[(&str, &str)] = &[
    ("bottlerocket", "bottlerocket"),
    ("boot2docker", "boot2docker"),
    ("linuxkit", "linuxkit"),
    ("microsoft", "microsoft"),
    ("flatcar", "flatcar"),
    ("coreos", "coreos"),
    ("cos", "cos"),
    ("talos", "talos"),
    ("gke", "gke"),
    ("gcp", "gcp"),
    ("azure", "azure"),
    ("aws", "aws"),
    ("oracle", "oracle"),
    ("uek", "oracle"),
    ("generic", "generic"),
    ("lowlatency", "generic"),
    ("raspi", "raspi"),
    ("pve", "pve"),
    ("virt", "alpine"),
    ("lts", "alpine"),
    ("default", "suse"),
    ("arch1", "arch"),
    ("amd64", "debian"),
    ("arm64", "debian"),
];

/// Hints that end in a version of their own: `amzn2`, `amzn2023`, `el8`, `fc39`.
const NUMBERED: &[&str] = &["amzn", "el", "fc"];

/// The system of a kernel release: `4.14.181-140.257.amzn2.x86_64` is `amzn2`, `5.15.90.1-microsoft-standard-WSL2`
/// is `microsoft`, `6.8.0-45-generic` (Ubuntu) is `generic`. `None` where it shows nothing.
pub(super) fn of_kernel(release: &str) -> Option<&str> {
    numbered(release)
        .or_else(|| named(release))
        .or_else(|| is_container_optimized(release).then_some("cos"))
}

/// The system of a build: `2.1.4+bottlerocket`, `1.7.12-0ubuntu2`.
pub(super) fn of_build(version: &str) -> Option<&'static str> {
    let parts = || parts(version);
    if parts().any(|part| part.eq_ignore_ascii_case("bottlerocket")) {
        return Some("bottlerocket");
    }
    if parts().any(|part| part.eq_ignore_ascii_case("azure")) {
        return Some("azure");
    }
    if version.contains("ubuntu") {
        return Some("ubuntu");
    }
    // Debian repacks upstream's source: `1.6.20~ds1`, `20.10.24+dfsg1`.
    let is_debian = parts().any(|part| part.starts_with("ds") && has_digit_after(part, 2))
        || parts().any(|part| part.starts_with("dfsg"));
    is_debian.then_some("debian")
}

fn numbered(release: &str) -> Option<&str> {
    parts(release).find(|part| {
        NUMBERED
            .iter()
            .any(|stem| part.starts_with(stem) && has_digit_after(part, stem.len()))
    })
}

fn named(release: &str) -> Option<&'static str> {
    let shows = |(hint, system): &(&str, &'static str)| {
        let is_shown = parts(release).any(|part| part.eq_ignore_ascii_case(hint));
        is_shown.then_some(*system)
    };
    // Oracle's kernel is `el8uek`, which `numbered` has taken; the rest are whole parts.
    PARTS.iter().find_map(shows)
}

/// Container-Optimized OS leaves nothing but a plus: `5.10.147+`. Kernels before 5 that end so are other appliances'.
fn is_container_optimized(release: &str) -> bool {
    let Some(number) = release.strip_suffix('+') else {
        return false;
    };
    let major = number.split('.').next().and_then(|major| major.parse().ok());
    number.split('.').count() == 3
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && major.is_some_and(|major: u32| major >= 5)
}

fn parts(release: &str) -> impl Iterator<Item = &str> {
    release.split(['.', '-', '_', '+', '~', ' '])
}

fn has_digit_after(part: &str, stem: usize) -> bool {
    part.get(stem..)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{of_build, of_kernel};

    #[track_caller]
    fn kernel(release: &str, expected: &str) {
        assert_eq!(of_kernel(release).unwrap_or(""), expected, "{release}");
    }

    #[test]
    fn a_kernel_shows_its_distribution() {
        kernel("4.14.181-108.257.amzn1.x86_64", "amzn1");
        kernel("4.14.181-140.257.amzn2.x86_64", "amzn2");
        kernel("6.1.79-99.164.amzn2023.x86_64", "amzn2023");
        kernel("3.10.0-1160.el7.x86_64", "el7");
        kernel("4.18.0-513.9.1.el8_9.x86_64", "el8");
        kernel("5.14.0-427.el9.aarch64", "el9");
        kernel("6.5.6-300.fc39.x86_64", "fc39");
        kernel("6.10.14-linuxkit", "linuxkit");
        kernel("5.15.153.1-microsoft-standard-WSL2", "microsoft");
        kernel("4.4.0-19041-Microsoft", "microsoft");
        kernel("6.8.0-45-generic", "generic");
        kernel("5.4.0-1045-aws", "aws");
        kernel("5.15.0-1051-gke", "gke");
        kernel("5.15.0-1053-azure", "azure");
        kernel("5.15.148-flatcar", "flatcar");
        kernel("6.1.58+", "cos");
        kernel("4.0.5-boot2docker", "boot2docker");
        kernel("6.1.0-18-cloud-amd64", "debian");
        kernel("6.4.0-150600.23.7-default", "suse");
        kernel("5.15.0-209.161.7.2.el8uek.x86_64", "el8uek");
    }

    #[test]
    fn a_plain_kernel_shows_nothing() {
        kernel("6.18", "");
        kernel("5.10.205", "");
        kernel("4.4.302+", "");
        kernel("+", "");
        kernel("", "");
        kernel("elfin-elk", "");
    }

    #[test]
    fn a_build_shows_who_made_it() {
        assert_eq!(of_build("2.1.4+bottlerocket"), Some("bottlerocket"));
        assert_eq!(of_build("1.7.15+azure"), Some("azure"));
        assert_eq!(of_build("1.7.12-0ubuntu2~22.04.1"), Some("ubuntu"));
        assert_eq!(of_build("1.6.20~ds1"), Some("debian"));
        assert_eq!(of_build("20.10.24+dfsg1"), Some("debian"));
        assert_eq!(of_build("2.0.0"), None);
        assert_eq!(of_build("1.7.2-rc.1+unknown"), None);
    }
}
