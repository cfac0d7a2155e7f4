//! Whether a rule needs no more of an address than its network: the /24 of IPv4, the /48 of IPv6.

use super::check::CheckedExpression;
use super::fact::Fact;
use super::field::Field;
use super::list::Items;
use super::term::{IpRange, Predicate, Term, Test};

/// What of an address is not of its network.
const HOST_V4: u32 = 0xff;
const HOST_V6: u128 = u128::MAX >> 48;

impl CheckedExpression {
    /// Whether it says the same of all addresses of one network, as far as it reads `ip.src` at all.
    #[must_use]
    pub fn asks_for_networks_only(&self) -> bool {
        let mut only = true;
        self.root
            .visit_predicates(&mut |predicate| only &= predicate.asks_for_networks_only());
        only
    }
}

impl Predicate {
    fn asks_for_networks_only(&self) -> bool {
        let mut reads_address = false;
        self.term
            .visit_facts(&mut |fact| reads_address |= fact == Fact::Field(Field::Ip));
        if !reads_address {
            return true;
        }
        let is_plain = self.term == Term::Field(Field::Ip);
        is_plain
            && match &self.test {
                Test::InIps(ranges) => ranges.iter().all(|range| match range {
                    IpRange::V4(first, last) => are_whole_v4(*first, *last),
                    IpRange::V6(first, last) => are_whole_v6(*first, *last),
                }),
                Test::InList(list) => match &*list.items {
                    Items::Ips(v4, v6) => {
                        v4.iter().all(|(first, last)| are_whole_v4(*first, *last))
                            && v6.iter().all(|(first, last)| are_whole_v6(*first, *last))
                    }
                    // Of Cloudflare's own, which are empty here.
                    _ => true,
                },
                _ => false,
            }
    }
}

fn are_whole_v4(first: u32, last: u32) -> bool {
    first & HOST_V4 == 0 && last & HOST_V4 == HOST_V4
}

fn are_whole_v6(first: u128, last: u128) -> bool {
    first & HOST_V6 == 0 && last & HOST_V6 == HOST_V6
}

#[cfg(test)]
mod tests {
    use crate::{List, ListKind, Lists, parse};

    #[track_caller]
    fn case(text: &str, expected: bool) {
        let list = |name: &str, items: &[&str]| {
            List::new(name, ListKind::Network, items.iter().copied(), 1).unwrap()
        };
        let lists: Lists = [
            list("wide", &["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"]),
            list("narrow", &["192.0.2.0/24", "198.51.100.7"]),
        ]
        .into_iter()
        .collect();
        let checked = parse(text).unwrap().check_with(&lists).unwrap();
        assert_eq!(checked.asks_for_networks_only(), expected, "{text}");
    }

    #[test]
    fn blocks_as_wide_as_networks_need_no_whole_address() {
        case("ssl", true);
        case("ip.src in {192.0.2.0/24 198.51.100.0/22}", true);
        case("not ip.src in {2001:db8::/48} and ssl", true);
        case("ip.src in {192.0.2.0..192.0.3.255}", true);
        case("ip.src in $wide", true);
        case("ip.src in $cf.anonymizer", true);
        case("ip.src in {192.0.2.0/25}", false);
        case("ip.src in {2001:db8::/49}", false);
        case("ip.src in {192.0.2.0..192.0.3.254}", false);
        case("ssl or ip.src in $narrow", false);
        case("ip.src eq 192.0.2.0", false);
        case("to_string(ip.src) matches \"^10[.]\"", false);
        case("cidr(ip.src, 24, 48) in {192.0.2.0/24}", false);
    }
}
