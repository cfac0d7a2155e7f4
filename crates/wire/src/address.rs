//! The address of a client, as proxies and logs write it.
//!
//! In scope: one address. Not in scope: lists of them and the headers that have them (`crates/logs`).

use std::net::IpAddr;

/// An address alone, with a port, in brackets, or with the zone of a link: `192.0.2.7`, `192.0.2.7:38056` (as `request.cf.clientIp`
/// of `workerd serve` has it), `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:443`, `fe80::7%eth0`. What a socket of both kinds
/// calls `::ffff:192.0.2.7` is `192.0.2.7`: a rule that names an IPv4 network is meant for it.
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let (host, rest) = match text.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => with_port(text).unwrap_or((text, "")),
    };
    let port = rest.strip_prefix(':');
    if !rest.is_empty() && port.and_then(|port| port.parse::<u16>().ok()).is_none() {
        return None;
    }
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Without brackets only an IPv4 address has a port.
fn with_port(text: &str) -> Option<(&str, &str)> {
    let at = text.find(':')?;
    let (host, port) = text.split_at_checked(at)?;
    (!port.get(1..)?.contains(':')).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[track_caller]
    fn case(text: &str, expected: Option<&str>) {
        assert_eq!(
            parse_address(text),
            expected.map(|text| text.parse().unwrap()),
            "{text:?}"
        );
    }

    #[test]
    fn an_address_is_read_however_it_is_written() {
        for text in ["192.0.2.7", "192.0.2.7:38056", " 192.0.2.7 ", "[192.0.2.7]:1"] {
            case(text, Some("192.0.2.7"));
        }
        for text in [
            "2001:db8::7",
            "2001:DB8:0::7",
            "[2001:db8::7]",
            "[2001:db8::7]:38056",
            "\t[2001:db8::7] ",
            "2001:db8::7%eth0",
            "[2001:db8::7%25eth0]:443",
        ] {
            case(text, Some("2001:db8::7"));
        }
        case("fe80::1%3", Some("fe80::1"));
        case("::1", Some("::1"));
        case("2001:db8::7:443", Some("2001:db8::7:443"));
    }

    /// workerd and HAProxy on a socket of both kinds.
    #[test]
    fn a_mapped_address_is_the_address() {
        for text in [
            "::ffff:192.0.2.7",
            "[::ffff:192.0.2.7]:38056",
            "[::FFFF:c000:207]",
            "::ffff:192.0.2.7%eth0",
        ] {
            case(text, Some("192.0.2.7"));
        }
        case("::192.0.2.7", Some("::192.0.2.7"));
        case("64:ff9b::192.0.2.7", Some("64:ff9b::c000:207"));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "192.0.2.7:",
            "192.0.2.7:x",
            "192.0.2.7:65536",
            "192.0.2.7/24",
            "192.0.2",
            "0300.0.2.7",
            "[2001:db8::7",
            "2001:db8::7]",
            "[2001:db8::7]x",
            "[2001:db8::7]:",
            "[]",
            "%eth0",
            "registry.example:443",
            "192.0.2.7, 192.0.2.8",
            "é",
        ] {
            case(text, None);
        }
    }
}
