use super::name::MAX_NAME;
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
        "containerd/v2.1.0+unknown",
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
    for (text, version) in [
        (
            "Mozilla/4.0 (Windows NT 9.0; Win64; x64; rv:136.0) Gecko/20101 Firefox/136.0",
            "136.0",
        ),
        (
            "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
            "9.0",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
            "",
        ),
    ] {
        case(text, Family::Browser, version, "windows");
    }
    case(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        Family::Browser,
        "605.1.15",
        "ios",
    );
}

/// A program without a variant, by its name.
#[track_caller]
fn named(text: &str, name: &str, version: &str, os: &str, arch: &str) {
    let agent = Agent::parse(text);
    let found = (agent.family.as_str(), agent.version, agent.os, agent.arch);
    assert_eq!(found, (name, version, os, arch), "{text}");
    assert!(matches!(agent.family, Family::Named(_)), "{text}");
}

#[test]
fn a_program_that_no_list_knows_is_its_first_product() {
    named("overlaybd/1.0.9", "overlaybd", "1.0.9", "", "");
    named("python-requests/2.32.3", "python-requests", "2.32.3", "", "");
    named("dockerx/1", "dockerx", "1", "", "");
    // Who only mentions docker is not docker.
    named("scanner/1 docker/20.10", "scanner", "1", "", "");
    named("SomeTool", "sometool", "", "", "");
    named("Some.Tool_2+x~y/v3", "some.tool_2+x~y", "3", "", "");
    named(
        "jib 3.3.0 jib-gradle-plugin Google-HTTP-Java-Client/1.34.0 (gzip)",
        "jib",
        "3.3.0",
        "",
        "",
    );
    named("Datadog Agent/7.1", "datadog", "", "", "");
    named(
        "Expanse, a company, searches across the space",
        "expanse",
        "",
        "",
        "",
    );
    named(
        "AWS-Support-TrustedAdvisor, aws-internal/3 Linux/4.14.171-136.231.amzn2.x86_64",
        "aws-support-trustedadvisor",
        "",
        "amzn2",
        "",
    );
    named(
        "User-Agent: Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)",
        "user-agent",
        "",
        "windows",
        "",
    );
    named(
        "linux64 sra-toolkit fasterq-dump.2.9.2",
        "sra-toolkit",
        "",
        "linux",
        "",
    );
    named(
        "pip/21.2.4 {\"ci\":null,\"cpu\":\"x86_64\"}",
        "pip",
        "21.2.4",
        "",
        "",
    );
    named(
        &format!("{}/1", "Ab".repeat(30)),
        &"ab".repeat(30)[..MAX_NAME],
        "1",
        "",
        "",
    );
}

#[test]
fn a_program_says_its_platform_in_whichever_way() {
    named(
        "kubelet/v1.28.0 (linux/amd64) kubernetes/855e7c4",
        "kubelet",
        "1.28.0",
        "linux",
        "amd64",
    );
    named(
        "ollama/0.32.5 (amd64 windows) Go/go1.24",
        "ollama",
        "0.32.5",
        "windows",
        "amd64",
    );
    named(
        "ollama/0.5.1 (arm64 darwin) Go/go1.23",
        "ollama",
        "0.5.1",
        "darwin",
        "arm64",
    );
    named(
        "Homebrew/4.4.0 (Macintosh; arm64 Mac OS X 13.2.1) curl/8.7.1",
        "homebrew",
        "4.4.0",
        "macos",
        "arm64",
    );
    named(
        "Linuxbrew/3.4.11 (Linux; x86_64 Ubuntu 20.04.4 LTS) curl/7.68.0",
        "homebrew",
        "3.4.11",
        "ubuntu",
        "amd64",
    );
    named(
        "Nexus/3.60.0-01 (PRO; Mac OS X; 10.16; x86_64; 1.8.0_292)",
        "nexus",
        "3.60.0-01",
        "macos",
        "amd64",
    );
    named(
        "cosign/v2.2.0 (linux; amd64) go-containerregistry/v0.16.1",
        "cosign",
        "2.2.0",
        "linux",
        "amd64",
    );
    named(
        "metricbeat/7.16.3 (windows; 386; e7cede6)",
        "metricbeat",
        "7.16.3",
        "windows",
        "386",
    );
    named(
        "singularity/3.8.7 (Linux aarch64) Go/1.17.3",
        "singularity",
        "3.8.7",
        "linux",
        "arm64",
    );
}

#[test]
fn one_program_of_two_names_is_one_family() {
    named(
        "RenovateBot/39.58.1 (https://github.com/renovatebot/renovate)",
        "renovate",
        "39.58.1",
        "",
        "",
    );
    named("Renovate/39", "renovate", "39", "", "");
    named("MDCContainersSecurity/1.0", "defender", "1.0", "", "");
}

#[test]
fn the_library_of_containerd_is_not_containerd() {
    for version in ["1.7.12+unknown", "2.0.4+unknown", "1.7.2-rc.1+unknown"] {
        named(
            &format!("containerd/{version}"),
            "containerd-library",
            version,
            "",
            "",
        );
    }
    for version in [
        "1.6.16",
        "v1.7.12",
        "v1.7.12+unknown",
        "2.1.4+bottlerocket",
        "1.6.20~ds1",
    ] {
        assert_eq!(
            Agent::parse(&format!("containerd/{version}")).family,
            Family::Containerd,
            "{version}"
        );
    }
    assert_eq!(Agent::parse("buildkit/0.0.0+unknown").family, Family::Buildkit);
}

#[test]
fn who_only_begins_like_a_browser_is_what_it_names() {
    named(
        "Mozilla/5.0 (compatible; SomeBot/2.1; +http://bot.example/)",
        "somebot",
        "2.1",
        "",
        "",
    );
    named(
        "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
        "censys",
        "1.1",
        "",
        "",
    );
    named(
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "googlebot",
        "2.1",
        "linux",
        "",
    );
    named(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; SomeBot/1.2; +https://bot.example)",
        "somebot",
        "1.2",
        "",
        "",
    );
    named(
        "Mozilla/5.00 (Nikto/2.1.5) (Evasions:None) (Test:map_codes)",
        "nikto",
        "2.1.5",
        "",
        "",
    );
    named("Mozilla/5.0 zgrab/0.x", "zgrab", "0.x", "", "");
    let address = Agent::parse("Mozilla/5.0 (+https://bot.example/about)");
    assert_eq!(address.family, Family::Unknown);
    let quoted = "\"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"";
    assert_eq!(Agent::parse(quoted).family, Family::Browser);
    named(
        "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/)",
        "nmap",
        "",
        "",
        "",
    );
}

#[test]
fn what_a_client_calls_itself_is_never_what_we_call_clients() {
    for text in [
        "unknown/1",
        "empty/1",
        "browser/1",
        "go-default/1",
        "Mozilla/5.0",
        "-",
        "1.2.3",
        "é/1",
        "<b>x/1",
        "a|b/1",
        "\"/1",
    ] {
        assert_eq!(Agent::parse(text).family, Family::Unknown, "{text}");
    }
}

#[test]
fn a_family_reads_back_by_its_name() {
    for name in Family::known() {
        let family = Family::of_name(name).unwrap();
        assert!(family.is_known() && family.as_str() == name, "{name}");
        let json = serde_json::to_string(&family).unwrap();
        assert_eq!(json, format!("{name:?}"));
        assert_eq!(serde_json::from_str::<Family>(&json).unwrap(), family);
    }
    let other = Family::of_name("SomeTool").unwrap();
    assert!(!other.is_known() && other.as_str() == "sometool");
    assert_eq!(Family::of_name("a b"), None);
    assert!(serde_json::from_str::<Family>("\"<b>\"").is_err());
}

#[test]
fn nobody_and_unknown_are_two_things() {
    case("", Family::Empty, "", "");
    case(" \t", Family::Empty, "", "");
    case("(docker/20.10)", Family::Unknown, "", "");
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
                format!("Mozilla/5.0 (compatible; {said}/{said}) {said}"),
                format!("{said}/{said} {said}"),
            ] {
                let agent = Agent::parse(&text);
                for word in [
                    agent.family.as_str(),
                    agent.version,
                    agent.os,
                    agent.arch,
                    agent.kernel,
                ] {
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
