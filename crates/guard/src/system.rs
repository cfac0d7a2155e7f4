//! The operating systems that make cohorts: those that docs/fingerprints.md names. A client says what it likes, and each
//! invented name would take the place of a cohort that exists.

/// All other systems together.
pub(crate) const OTHER: &str = "other";

/// Names without a number.
const NAMED: &[&str] = &[
    "alpine",
    "android",
    "arch",
    "aws",
    "azure",
    "bottlerocket",
    "chromeos",
    "coreos",
    "cos",
    "darwin",
    "debian",
    "flatcar",
    "freebsd",
    "gcp",
    "generic",
    "gke",
    "ios",
    "linux",
    "linuxkit",
    "macos",
    "microsoft",
    "oracle",
    "pve",
    "raspi",
    "suse",
    "talos",
    "ubuntu",
    "windows",
];

/// Names with a number, and the numbers that there are or will be soon.
const NUMBERED: &[(&str, &[std::ops::RangeInclusive<u16>])] = &[
    ("amzn", &[1..=2, 2018..=2018, 2022..=2023, 2025..=2027]),
    ("el", &[6..=11]),
    ("fc", &[36..=50]),
];

/// Oracle's kernel for an Enterprise Linux.
const ORACLE: &str = "uek";

/// The system as cohorts name it.
pub(crate) fn system(os: &str) -> &str {
    if os.is_empty() || NAMED.contains(&os) || is_numbered(os.strip_suffix(ORACLE).unwrap_or(os)) {
        os
    } else {
        OTHER
    }
}

fn is_numbered(os: &str) -> bool {
    NUMBERED.iter().any(|(stem, numbers)| {
        let digits = os
            .strip_prefix(stem)
            .filter(|digits| !digits.starts_with(['0', '+']));
        let number = digits.and_then(|digits| digits.parse().ok());
        number.is_some_and(|number| numbers.iter().any(|range| range.contains(&number)))
    })
}

#[cfg(test)]
mod tests {
    use super::{NAMED, OTHER, system};
    use blobwatch_pull::Agent;

    #[track_caller]
    fn case(user_agent: &str, expected: &str) {
        assert_eq!(system(Agent::parse(user_agent).os), expected, "{user_agent}");
    }

    #[test]
    fn a_system_that_exists_makes_a_cohort_and_an_invented_one_does_not() {
        case(
            "docker/19.03.6-ce kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64",
            "amzn2",
        );
        case("docker/24.0.7 kernel/4.18.0-513.9.1.el8_9.x86_64 os/linux", "el8");
        case(
            "docker/24.0.7 kernel/5.15.0-209.161.7.2.el8uek.x86_64 os/linux",
            "el8uek",
        );
        case("docker/24.0.7 kernel/6.5.6-300.fc39.x86_64 os/linux", "fc39");
        case("docker/24.0.7 kernel/6.8.0-45-generic os/linux", "generic");
        case("docker/24.0.7 os/windows arch/amd64", "windows");
        case("skopeo/1.9.3", "");
        case("curl/8.1 os/q", OTHER);
        case("curl/8.1 os/Linux", OTHER);
        case("docker/1 kernel/4.14.181-140.257.amzn7777.x86_64 os/linux", OTHER);
        case("docker/1 kernel/4.14.0-1.fc99999999.x86_64 os/linux", OTHER);
        case("docker/1 kernel/4.14.0-1.el08.x86_64 os/linux", OTHER);
    }

    #[test]
    fn the_page_of_fingerprints_names_every_system() {
        let page = include_str!("../../../docs/fingerprints.md");
        for name in NAMED {
            assert!(page.contains(name), "{name}");
        }
    }
}
