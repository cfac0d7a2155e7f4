//! Rulebooks as operators write them: many rules over the same few fields.

use anyhow::{Context, Result};
use blobwatch_rulebook::starter;
use blobwatch_rules::{CheckedExpression, Expression, List, ListKind, Lists, parse};

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
    /// Four rules, each with a list: networks, numbers, strings, host names; of 10 items each
    Lists10,
    /// The same, of 100
    Lists100,
    /// The same, of 1,000
    Lists1000,
    /// The same, of 10,000, which is the most
    Lists10000,
}

/// What a list is of, what is looked up in it, and its items.
type Listed = (ListKind, &'static str, fn(u32) -> String);

const LISTED: [Listed; 4] = [
    (ListKind::Network, "ip.src", |n| {
        let spread = n.wrapping_mul(0x9e37_79b1).to_be_bytes();
        format!("{}.{}.{}.0/24", 1 + spread[0] % 223, spread[1], spread[2])
    }),
    (ListKind::Number, "ip.src.asnum", |n| (1_000 + 13 * n).to_string()),
    (ListKind::String, "http.user_agent", |n| {
        format!("docker/19.03.{n} go/go1.13.10 kernel/4.14.{n}")
    }),
    (ListKind::HostName, "http.host", |n| {
        format!("*.customer-{n}.registry.example")
    }),
];

impl Book {
    /// # Errors
    /// When a rule is refused.
    pub(super) fn rules(self) -> Result<Vec<CheckedExpression>> {
        match self {
            Self::One => checked(&[super::RULE.to_owned()]),
            Self::Shipped => {
                let rules = starter()?.rules.into_iter();
                checked(&rules.map(|rule| rule.expression).collect::<Vec<_>>())
            }
            Self::Features => checked(&features()),
            Self::Fifty => checked(&fifty()),
            Self::Thousand => checked(&thousand()),
            Self::Lists10 => with_lists(10),
            Self::Lists100 => with_lists(100),
            Self::Lists1000 => with_lists(1_000),
            Self::Lists10000 => with_lists(10_000),
        }
    }
}

/// # Errors
/// When a rule is refused.
pub(super) fn checked(rules: &[String]) -> Result<Vec<CheckedExpression>> {
    let rules = rules.iter().map(|rule| parse(rule).and_then(Expression::check));
    Ok(rules.collect::<Result<_, _>>()?)
}

fn with_lists(items: u32) -> Result<Vec<CheckedExpression>> {
    let mut lists = Vec::new();
    let mut rules = Vec::new();
    for (number, (kind, field, item)) in LISTED.into_iter().enumerate() {
        let name = format!("list_{number}");
        let written: Vec<String> = (0..items).map(item).collect();
        let list = List::new(&name, kind, written.iter().map(String::as_str), 1);
        let refused = |errors: Vec<_>| format!("{name} was refused: {errors:?}");
        lists.push(list.map_err(refused).map_err(anyhow::Error::msg)?);
        rules.push(format!("{field} in ${name}"));
    }
    let lists: Lists = lists.into_iter().collect();
    let check = |rule: &String| {
        let parsed = parse(rule).and_then(|parsed| parsed.check_with(&lists));
        parsed.with_context(|| format!("{rule} was refused"))
    };
    rules.iter().map(check).collect()
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
