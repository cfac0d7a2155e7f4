//! Rulebooks as operators write them: many rules over the same few fields.

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
