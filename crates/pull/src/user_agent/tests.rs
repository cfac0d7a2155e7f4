use super::{Agent, Family, MAX_USER_AGENT, MAX_VERSION};

#[track_caller]
fn case(text: &str, family: Family, version: &str, os: &str) {
    let agent = Agent::parse(text);
    assert_eq!(
        (agent.family, agent.version, agent.os),
        (family, version, os),
        "{text}"
    );
}

const DOCKER: &str = "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.18 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.24+dfsg1 \\(linux\\))";

#[test]
fn docker_says_everything() {
    let agent = Agent::parse(
        "docker/19.03.6-ce go/go1.13.4 git-commit/369ce74 kernel/4.14.177-139.254.amzn2.x86_64 os/linux arch/amd64 UpstreamClient(Docker-Client/19.03.6-ce \\(linux\\))",
    );
    let expected = Agent {
        family: Family::Docker,
        version: "19.03.6-ce",
        os: "amzn2",
        arch: "amd64",
        kernel: "4.14.177-139.254.amzn2.x86_64",
    };
    assert_eq!(agent, expected);
}

#[test]
fn docker_shows_its_system_by_kernel_then_build_then_word() {
    case(DOCKER, Family::Docker, "20.10.24+dfsg1", "debian");
    case(
        "docker/29.0.0 go/go1.24.9 git-commit/abc kernel/6.10.14-linuxkit os/linux arch/arm64 containerd-client/2.1.5 storage-driver/overlayfs UpstreamClient(Docker-Client/29.0.0 \\(darwin\\))",
        Family::Docker,
        "29.0.0",
        "linuxkit",
    );
    case(
        "docker/24.0.7 go/go1.20.10 git-commit/311b9ff kernel/5.15.90.1-microsoft-standard-WSL2 os/linux arch/amd64",
        Family::Docker,
        "24.0.7",
        "microsoft",
    );
    case(
        "docker/25.0.3 go/go1.21.6 kernel/6.1.79 os/linux arch/amd64",
        Family::Docker,
        "25.0.3",
        "linux",
    );
    case(
        "docker/19.03.2 go/go1.12.8 git-commit/c92ab06ed9 kernel/10.0 17763 (17763.1.amd64fre.rs5_release.180914-1434) os/windows arch/amd64 UpstreamClient(Docker-Client/19.03.2 \\(windows\\))",
        Family::Docker,
        "19.03.2",
        "windows",
    );
    case("Docker-Client/24.0.7 (linux)", Family::Docker, "24.0.7", "linux");
}

#[test]
fn containerd_comes_with_vendor_suffixes_and_tags() {
    case("containerd/v2.1.4", Family::Containerd, "2.1.4", "");
    case(
        "containerd/2.1.4+bottlerocket",
        Family::Containerd,
        "2.1.4+bottlerocket",
        "bottlerocket",
    );
    case(
        "containerd/1.6.20~ds1",
        Family::Containerd,
        "1.6.20~ds1",
        "debian",
    );
    case(
        "containerd/2.1.0+unknown",
        Family::Containerd,
        "2.1.0+unknown",
        "",
    );
    case("containerd/v1.7.11-k3s2", Family::Containerd, "1.7.11-k3s2", "");
}

#[test]
fn every_known_client_has_its_family() {
    case("buildkit/v0.25", Family::Buildkit, "0.25", "");
    case("buildkit/v0.25-dev", Family::Buildkit, "0.25-dev", "");
    case("libpod/4.3.1", Family::Podman, "4.3.1", "");
    case("skopeo/1.9.3", Family::Skopeo, "1.9.3", "");
    case("Buildah/1.28.2", Family::Buildah, "1.28.2", "");
    case(
        "cri-o/1.30.0 go/go1.22.3 os/linux arch/amd64",
        Family::CriO,
        "1.30.0",
        "linux",
    );
    case(
        "containers/5.36.1 (github.com/containers/image)",
        Family::ContainersImage,
        "5.36.1",
        "",
    );
    case(
        "crane/v0.19.1 go-containerregistry/v0.19.1",
        Family::Crane,
        "0.19.1",
        "",
    );
    case(
        "kaniko/v1.23.0 go-containerregistry/v0.19.1",
        Family::Kaniko,
        "1.23.0",
        "",
    );
    case(
        "go-containerregistry/v0.21.9",
        Family::GoContainerregistry,
        "0.21.9",
        "",
    );
    case(
        "cosign/v2.2.0 (linux; amd64) go-containerregistry/v0.16.1",
        Family::GoContainerregistry,
        "0.16.1",
        "",
    );
    case("regclient/regclient (v0.11.5)", Family::Regclient, "0.11.5", "");
    case("regclient/regctl (v0.4.0)", Family::Regclient, "0.4.0", "");
    case("oras-go", Family::Oras, "", "");
    case("oras/1.2.0", Family::Oras, "1.2.0", "");
    case("soci-snapshotter/v0.15.0", Family::Soci, "0.15.0", "");
    case("Go-http-client/1.1", Family::GoDefault, "1.1", "");
    case("Go-http-client/2.0", Family::GoDefault, "2.0", "");
    case("dragonfly/1.5.1", Family::Dragonfly, "1.5.1", "");
    case("spegel", Family::Spegel, "", "");
    case("harbor-registry-client", Family::Harbor, "", "");
    case("curl/7.88.1", Family::Curl, "7.88.1", "");
    case("Wget/1.21.3", Family::Wget, "1.21.3", "");
    case("aria2/1.36.0", Family::Aria2, "1.36.0", "");
}

#[test]
fn a_browser_has_a_browsers_product() {
    case(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
        Family::Browser,
        "126.0.2592.87",
        "windows",
    );
    case(
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        Family::Browser,
        "128.0",
        "linux",
    );
    case(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        Family::Browser,
        "17.5",
        "macos",
    );
    case(
        "Mozilla/5.0 (compatible; SomeBot/2.1; +http://bot.example/)",
        Family::Unknown,
        "5.0",
        "",
    );
}

#[test]
fn nobody_and_unknown_are_two_things() {
    case("", Family::Empty, "", "");
    case(" \t", Family::Empty, "", "");
    case("overlaybd/1.0.9", Family::Unknown, "1.0.9", "");
    case("python-requests/2.32.3", Family::Unknown, "2.32.3", "");
    case("(docker/20.10)", Family::Unknown, "", "");
    case("dockerx/1", Family::Unknown, "1", "");
    // Who only mentions docker is not docker.
    case("scanner/1 docker/20.10", Family::Unknown, "1", "");
}

#[test]
fn length_is_bounded() {
    let version = "1".repeat(10_000);
    let agent = Agent::parse(&version);
    assert_eq!(agent, Agent::default());
    let text = format!("docker/{version}");
    assert_eq!(Agent::parse(&text).version.len(), MAX_VERSION);
    let text = format!("docker/1 {}kernel/4.14.amzn2", " ".repeat(MAX_USER_AGENT));
    assert_eq!(Agent::parse(&text).os, "");
}

#[test]
fn what_is_no_word_is_other_or_nothing() {
    #[track_caller]
    fn words(text: &str, [version, os, arch, kernel]: [&str; 4]) {
        let agent = Agent::parse(text);
        assert_eq!(
            [agent.version, agent.os, agent.arch, agent.kernel],
            [version, os, arch, kernel],
            "{text}"
        );
    }
    words("docker/1 os/<!channel>|x arch/amd64", ["1", "other", "amd64", ""]);
    words("docker/1 os/linux arch/\u{1b}[31m", ["1", "linux", "other", ""]);
    words("docker/1<@U1> os/l\u{202e}x", ["", "other", "", ""]);
    words("docker/1 kernel/4.1.el8<!here> os/linux", ["1", "other", "", ""]);
    words("docker/1 kernel/4.1.amzn2&lt; os/linux", ["1", "other", "", ""]);
    words("docker/1 kernel/4.1|x os/linux", ["1", "linux", "", ""]);
    words("regclient/regctl (v1; rm -rf)", ["", "", "", ""]);
    words("scanner/<https://evil.example|x>", ["", "", "", ""]);
    words("Mozilla/5.0 (X11; Linux) Firefox/`id`", ["", "linux", "", ""]);
    words(
        &format!("docker/1 os/{}", "a".repeat(64)),
        ["1", &"a".repeat(64), "", ""],
    );
    words(
        &format!("docker/1 os/{0} arch/{0} kernel/{0}", "a".repeat(65)),
        ["1", "other", "other", ""],
    );
}

#[test]
fn whatever_is_sent_comes_out_as_words() {
    let is_word = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-+~".contains(&b))
    };
    bolero::check!()
        .with_max_len(96)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            let said = String::from_utf8_lossy(bytes).replace([' ', '(', '\n'], "_");
            for text in [
                format!("docker/{said} kernel/{said} os/{said} arch/{said}"),
                format!("docker/1 kernel/4.1.el8{said} ({said})"),
                format!("x/{said} (linux; {said}) go-containerregistry/{said}"),
                format!("regclient/regctl ({said})"),
                format!("Mozilla/5.0 ({said}) Chrome/{said}"),
            ] {
                let agent = Agent::parse(&text);
                for word in [agent.version, agent.os, agent.arch, agent.kernel] {
                    assert!(is_word(word) && word.len() <= MAX_VERSION, "{word:?} of {text:?}");
                }
            }
        });
}

#[test]
fn whatever_is_sent_is_read_within_the_text() {
    const PIECES: &[&str] = &[
        "docker/",
        "kernel/",
        "os/",
        "arch/",
        "(",
        ")",
        "\\",
        " ",
        "/",
        "v1",
        "amzn2",
        "+",
        "Mozilla/5.0",
        "é",
        "el8_",
    ];
    bolero::check!()
        .with_max_len(64)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            let text: String = bytes
                .iter()
                .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                .collect();
            for text in [text.as_str(), &String::from_utf8_lossy(bytes)] {
                let agent = Agent::parse(text);
                assert!(text.contains(agent.version) && agent.version.len() <= MAX_VERSION);
                assert!(text.contains(agent.kernel) && (text.contains(agent.arch) || agent.arch == "other"));
                assert_eq!(agent, Agent::parse(text));
                // Leading and trailing space says nothing.
                if text.len() < MAX_USER_AGENT {
                    assert_eq!(agent, Agent::parse(text.trim()));
                }
            }
        });
}
