//! Which addresses may be told: public ones over HTTPS, unless the deployment allows others.
//!
//! An address is judged as it is written. What a name resolves to is the runtime's to refuse: on Cloudflare a fetch
//! reaches no private address, and on workerd the service binding `WEBHOOKS` has a network of public addresses only
//! (docs/self-hosting.md).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of an address.
const MAX_ADDRESS: usize = 2_000;

/// Names that are nobody's on the public internet (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and what
/// networks and clouds use alike.
const PRIVATE_SUFFIXES: [&str; 13] = [
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "arpa",
    "test",
    "invalid",
    "example",
    "onion",
];

/// Names made to resolve to whatever address they contain.
const ECHOING_SUFFIXES: [&str; 4] = ["nip.io", "sslip.io", "xip.io", "localtest.me"];

/// What a deployment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowedAddresses {
    /// HTTPS on port 443 of public addresses.
    #[default]
    Public,
    /// Any address and port, and plain HTTP: for receivers in one's own network.
    Private,
}

impl AllowedAddresses {
    /// Reads the variable `WEBHOOKS_MAY_REACH`: `private`, or anything else for public.
    #[must_use]
    pub fn of(variable: &str) -> Self {
        if variable == "private" {
            Self::Private
        } else {
            Self::Public
        }
    }
}

/// Why an address is refused; fits "failed to set the webhook: expected …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    TooLong,
    NotHttps,
    Characters,
    UserInfo,
    NoHost,
    Port,
    PrivateAddress,
    PrivateName,
    NotAName,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "at most 2,000 bytes",
            Self::NotHttps => "an address that begins with https://",
            Self::Characters => {
                "printable ASCII without spaces, quotes, backslashes or percent signs in the host"
            }
            Self::UserInfo => "an address without user name and password: receivers check the signature",
            Self::NoHost => "a host",
            Self::Port => "port 443",
            Self::PrivateAddress => {
                "a public address, not a private, local, reserved or metadata-service one"
            }
            Self::PrivateName => "a public host name",
            Self::NotAName => "a host name or an IP address",
        })
    }
}

impl std::error::Error for AddressError {}

/// Whether the address may be told.
///
/// # Errors
/// What was expected instead.
pub fn check(address: &str, allowed: AllowedAddresses) -> Result<(), AddressError> {
    if address.len() > MAX_ADDRESS {
        return Err(AddressError::TooLong);
    }
    if !address
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"\\<>^`{|}".contains(&byte))
    {
        return Err(AddressError::Characters);
    }
    let lower = address.to_ascii_lowercase();
    let rest = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if allowed == AllowedAddresses::Private => rest,
        _ => return Err(AddressError::NotHttps),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(AddressError::UserInfo);
    }
    let (host, port) = split_port(authority)?;
    if host.is_empty() {
        return Err(AddressError::NoHost);
    }
    if allowed == AllowedAddresses::Public && port.is_some_and(|port| port != "443") {
        return Err(AddressError::Port);
    }
    check_host(host, allowed)
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), AddressError> {
    let after = match authority.strip_prefix('[') {
        Some(inside) => inside.find(']').ok_or(AddressError::NotAName)? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at_checked(after).ok_or(AddressError::NotAName)?;
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        Some(port)
            if !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Ok((host, Some(port)))
        }
        _ => Err(AddressError::Port),
    }
}

fn check_host(host: &str, allowed: AllowedAddresses) -> Result<(), AddressError> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| AddressError::NotAName)?;
        return public(is_public_v6(address), allowed);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let labels: Vec<&str> = name.split('.').collect();
    let fits = |label: &&str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !labels.iter().all(fits) {
        return Err(AddressError::NotAName);
    }
    if labels.last().is_some_and(|last| is_number(last)) {
        // What the URL standard takes for an IPv4 address in any of its spellings.
        let address = any_ipv4(&labels).ok_or(AddressError::NotAName)?;
        return public(is_public_v4(address), allowed);
    }
    if allowed == AllowedAddresses::Private {
        return Ok(());
    }
    let ends_with = |suffix: &str| {
        name.strip_suffix(suffix)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_private = labels.len() < 2
        || PRIVATE_SUFFIXES.iter().any(|suffix| ends_with(suffix))
        || ECHOING_SUFFIXES.iter().any(|suffix| ends_with(suffix));
    if is_private {
        Err(AddressError::PrivateName)
    } else {
        Ok(())
    }
}

fn public(is_public: bool, allowed: AllowedAddresses) -> Result<(), AddressError> {
    if is_public || allowed == AllowedAddresses::Private {
        Ok(())
    } else {
        Err(AddressError::PrivateAddress)
    }
}

fn is_number(label: &str) -> bool {
    number(label).is_some() || label.bytes().all(|byte| byte.is_ascii_digit())
}

/// Decimal, octal with a leading 0, hexadecimal with 0x.
fn number(label: &str) -> Option<u64> {
    match label.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if label.len() > 1 && label.starts_with('0') => u64::from_str_radix(label, 8).ok(),
        None => label.parse().ok(),
    }
}

/// One to four numbers, the last of which fills what is left.
fn any_ipv4(labels: &[&str]) -> Option<Ipv4Addr> {
    let (last, first) = labels.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut address = 0u64;
    for label in first {
        let part = number(label).filter(|part| *part < 256)?;
        address = address << 8 | part;
    }
    let bits = 8 * (4 - first.len());
    let last = number(last).filter(|part| *part < 1 << bits)?;
    u32::try_from(address << bits | last).ok().map(Ipv4Addr::from)
}

/// Not one of the special ranges of IANA's registry.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    );
    !special
}

/// Global unicast (2000::/3) without its special parts; what carries an IPv4 address is judged by that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let carried = |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        // NAT64's well-known prefix, 64:ff9b::/96 (RFC 6052); 64:ff9b:1::/48 is a network's own (RFC 8215).
        (0x64, 0xff9b) => [c, d, e, f] == [0; 4] && carried(g, h),
        // 6to4.
        (0x2002, _) => carried(b, c),
        // Teredo, ORCHID and other protocols; documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(address: &str, expected: Result<(), AddressError>) {
        assert_eq!(check(address, AllowedAddresses::Public), expected, "{address}");
    }

    #[test]
    fn public_addresses_over_https_are_told() {
        for address in [
            "https://hooks.slack.com/services/T0/B0/x",
            "https://HOOKS.Slack.com./x?y=1",
            "https://8.8.8.8/",
            "https://a.b.c.example.org:443/",
            "https://[2606:4700::1111]/",
            "https://localhost.example.org/",
        ] {
            case(address, Ok(()));
        }
    }

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "127.0.0.1.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::808:808]",
            "[64:ff9b:1:ffff::8.8.8.8]",
            "[64:ff9b::1:808:808]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[ff02::1]",
            "[fd00:ec2::254]",
        ] {
            case(&format!("https://{host}/"), Err(AddressError::PrivateAddress));
        }
        case("https://[64:ff9b::808:808]/", Ok(()));
        case("https://172.32.0.1/", Ok(()));
    }

    #[test]
    fn private_names_are_refused() {
        for host in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "localhost.",
            "metadata.google.internal",
            "printer.local",
            "registry",
            "a.home.arpa",
            "127.0.0.1.nip.io",
            "x.localtest.me",
        ] {
            case(&format!("https://{host}/"), Err(AddressError::PrivateName));
        }
    }

    #[test]
    fn odd_addresses_are_refused() {
        case("http://example.org/", Err(AddressError::NotHttps));
        case("ftp://example.org/", Err(AddressError::NotHttps));
        case("https:/example.org/", Err(AddressError::NotHttps));
        case("https://user@example.org/", Err(AddressError::UserInfo));
        case("https://user:pw@example.org/", Err(AddressError::UserInfo));
        case("https://example.org:22/", Err(AddressError::Port));
        case("https://example.org:/", Err(AddressError::Port));
        case("https://[2606:4700::1111]:8443/", Err(AddressError::Port));
        case("https:///x", Err(AddressError::NoHost));
        case("https://ex%61mple.org/", Err(AddressError::NotAName));
        case("https://exämple.org/", Err(AddressError::Characters));
        case("https://example.org\\@127.0.0.1/", Err(AddressError::Characters));
        case("https://example.org/ x", Err(AddressError::Characters));
        case("https://1.2.3.4.5/", Err(AddressError::NotAName));
        case("https://256.1.1.1/", Err(AddressError::NotAName));
        case("https://a..b/", Err(AddressError::NotAName));
        case("https://[::1/", Err(AddressError::NotAName));
        case(
            &format!("https://example.org/{}", "x".repeat(2000)),
            Err(AddressError::TooLong),
        );
    }

    #[test]
    fn a_deployment_can_allow_its_own_network() {
        for address in [
            "http://127.0.0.1:9000/hook",
            "https://receiver:8443/",
            "http://[::1]:80/",
        ] {
            assert_eq!(check(address, AllowedAddresses::Private), Ok(()), "{address}");
        }
        assert_eq!(
            check("http://user@127.0.0.1/", AllowedAddresses::Private),
            Err(AddressError::UserInfo)
        );
        assert_eq!(AllowedAddresses::of(""), AllowedAddresses::Public);
        assert_eq!(AllowedAddresses::of("private"), AllowedAddresses::Private);
    }
}
