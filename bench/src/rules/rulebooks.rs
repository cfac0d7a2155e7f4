//! Rulebooks as operators write them: many rules over the same few fields.

use anyhow::Result;
use blobwatch_rulebook::starter;

/// What the engine runs alone: rivals need not understand it.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Book {
    /// One rule of four comparisons
    One,
    /// The rulebook that ships
    Shipped,
    /// 34 rules with what the larger ones lack: functions, wildcards, long lists, a prefix for each tenant
    Features,
    /// 50 rules
    Fifty,
    /// 1,000 rules
    Thousand,
}

impl Book {
    /// # Errors
    /// When the shipped rulebook is refused.
    pub(super) fn rules(self) -> Result<Vec<String>> {
        Ok(match self {
            Self::One => vec![super::RULE.to_owned()],
            Self::Shipped => starter()?.rules.into_iter().map(|rule| rule.expression).collect(),
            Self::Features => features(),
            Self::Fifty => fifty(),
            Self::Thousand => thousand(),
        })
    }
}

fn features() -> Vec<String> {
    let mut rules: Vec<String> = include_str!("../../data/rules-features.txt")
        .lines()
        .map(str::to_owned)
        .collect();
    let networks: Vec<String> = (0..200)
        .map(|n| format!("{}.{}.{}.0/24", 20 + n % 180, n * 37 % 256, n * 91 % 256))
        .collect();
    let repositories: Vec<String> = (0..200).map(|n| format!("\"acme/app-{n}\"")).collect();
    rules.push(format!("ip.src in {{{}}}", networks.join(" ")));
    rules.push(format!("oci.repository in {{{}}}", repositories.join(" ")));
    rules.extend((0..20).map(|n| {
        format!("starts_with(oci.repository, \"tenant-{n}/\") and http.request.method eq \"HEAD\"")
    }));
    rules
}

/// Written by hand: signatures, scanners, geography, policies of single repositories.
pub(super) fn fifty() -> Vec<String> {
    include_str!("../../data/rules-50.txt")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// What grows in a large registry: a rule a customer, a network, a client build, a bad fingerprint.
pub(super) fn thousand() -> Vec<String> {
    let mut rules = fifty();
    rules.extend((0..950).map(|number| one_of_many(number % 10, number / 10)));
    rules
}

/// `n` is 0 to 94.
fn one_of_many(shape: usize, n: usize) -> String {
    match shape {
        0 => format!(
            r#"oci.repository eq "team-{n}/service-{}" and not ip.src in {{10.{n}.0.0/16 192.0.2.0/24}}"#,
            n % 50
        ),
        1 => format!(
            r#"ip.src.asnum in {{{} {} {}}} and http.user_agent contains "docker/""#,
            1000 + n,
            7000 + 3 * n,
            60_000 + n
        ),
        2 => format!(
            r#"http.user_agent contains "docker/{}.{:02}" and http.user_agent contains "kernel/4.{n}." and cf.tls_client_hello_length in {{{}..{}}}"#,
            17 + n % 10,
            n % 13,
            200 + n,
            260 + n
        ),
        3 => format!(
            r#"ip.src in {{{}.{n}.0.0/16 {}.{}.0.0/15}} and http.request.method eq "HEAD""#,
            20 + n % 60,
            100 + n % 50,
            n * 2
        ),
        4 => format!(r#"http.user_agent eq "scanner-{n}/1.0" or http.user_agent contains "bot-{n};""#),
        5 => format!(
            r#"http.request.uri.path contains "/v2/tenant-{n}/" and ip.src.country ne "{}""#,
            country(n)
        ),
        6 => format!(
            r#"cf.tls_client_hello_length eq {} and cf.tls_version eq "TLSv1.2" and http.user_agent contains "containerd/1.{}.""#,
            100 + 5 * n,
            n % 8
        ),
        7 => format!(
            r#"ip.src.country eq "{}" and oci.repository in {{"acme/app-{n}" "acme/app-{n}-debug"}}"#,
            country(n)
        ),
        8 => format!(
            r#"http.host eq "customer-{n}.registry.example" and (ip.src.asnum eq {} or http.user_agent contains "Go-http-client")"#,
            20_000 + n
        ),
        _ => format!(
            r#"http.user_agent contains "client-{n}/" and http.request.uri.path contains "/blobs/sha256:{n:02x}""#
        ),
    }
}

fn country(n: usize) -> &'static str {
    const COUNTRIES: [&str; 12] = [
        "US", "DE", "FR", "NL", "IE", "SG", "JP", "BR", "IN", "GB", "SE", "PL",
    ];
    COUNTRIES.get(n % COUNTRIES.len()).copied().unwrap_or("US")
}
