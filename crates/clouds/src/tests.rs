use std::net::IpAddr;

use super::build::PrefixError;
use super::{Cloud, CloudPrefix, CloudTable};
use blobwatch_wire::DecodeError;

fn prefix(text: &str, cloud: &str, region: &str) -> CloudPrefix {
    let (address, length) = text.split_once('/').unwrap();
    CloudPrefix {
        address: address.parse().unwrap(),
        length: length.parse().unwrap(),
        cloud: cloud.to_owned(),
        region: region.to_owned(),
    }
}

fn table() -> CloudTable {
    let prefixes = [
        prefix("192.0.2.0/24", "aws", ""),
        prefix("192.0.2.64/26", "aws", "us-east-1"),
        prefix("192.0.2.64/27", "aws", "us-west-2"),
        prefix("198.51.100.0/25", "google", "europe-west4"),
        prefix("198.51.100.128/25", "azure", "westeurope"),
        prefix("255.255.255.0/24", "azure", "last"),
        prefix("2001:db8::/32", "aws", "us-east-1"),
        prefix("2001:db8:0:7::/64", "google", "asia-east1"),
        prefix("ffff::/16", "azure", "last"),
    ];
    CloudTable::build("2026-11-29", &prefixes).unwrap()
}

#[track_caller]
fn case(address: &str, expected: Option<(&str, &str)>) {
    let expected = expected.map(|(cloud, region)| Cloud { cloud, region });
    let table = table();
    let address: IpAddr = address.parse().unwrap();
    assert_eq!(table.look_up(address), expected, "{address}");
    let again = CloudTable::decode(&table.encode()).unwrap();
    assert_eq!(again.look_up(address), expected, "{address} after a round trip");
}

#[test]
fn the_longest_prefix_names_the_cloud() {
    case("192.0.1.255", None);
    case("192.0.2.0", Some(("aws", "")));
    case("192.0.2.63", Some(("aws", "")));
    case("192.0.2.64", Some(("aws", "us-west-2")));
    case("192.0.2.95", Some(("aws", "us-west-2")));
    case("192.0.2.96", Some(("aws", "us-east-1")));
    case("192.0.2.127", Some(("aws", "us-east-1")));
    case("192.0.2.128", Some(("aws", "")));
    case("192.0.3.0", None);
    case("198.51.100.127", Some(("google", "europe-west4")));
    case("198.51.100.128", Some(("azure", "westeurope")));
    case("198.51.101.0", None);
    case("255.255.255.255", Some(("azure", "last")));
    case("::ffff:192.0.2.1", Some(("aws", "")));
    case("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", None);
    case("2001:db8::1", Some(("aws", "us-east-1")));
    case("2001:db8:0:7:1::1", Some(("google", "asia-east1")));
    case("2001:db8:0:8::", Some(("aws", "us-east-1")));
    case("2001:db9::", None);
    case("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(("azure", "last")));
    case("0.0.0.0", None);
    case("::", None);
}

#[test]
fn a_table_of_everything_has_one_boundary() {
    let table = CloudTable::build("", &[prefix("0.0.0.0/0", "all", ""), prefix("::/0", "all", "")]).unwrap();
    assert_eq!(table.sizes(), (1, 1, 1));
    for address in ["0.0.0.0", "255.255.255.255", "::", "ffff::1"] {
        assert!(table.look_up(address.parse().unwrap()).is_some(), "{address}");
    }
}

#[test]
fn an_empty_table_is_no_bytes_or_few() {
    let empty = CloudTable::default();
    assert_eq!(CloudTable::decode(&[]), Ok(empty.clone()));
    assert_eq!(CloudTable::decode(&empty.encode()), Ok(empty.clone()));
    assert_eq!(empty.look_up("192.0.2.1".parse().unwrap()), None);
}

#[test]
fn prefixes_that_are_too_long_are_refused() {
    for text in ["192.0.2.0/33", "2001:db8::/65"] {
        let error = CloudTable::build("", &[prefix(text, "aws", "")]).unwrap_err();
        assert!(matches!(error, PrefixError::Length { .. }), "{text}: {error}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
}

/// What a lookup must say: the longest prefix that the address is in, and of two alike the one with the greater label.
fn longest(prefixes: &[CloudPrefix], address: u32) -> Option<(&str, &str)> {
    let holds = |prefix: &&CloudPrefix| {
        let IpAddr::V4(start) = prefix.address else {
            return false;
        };
        let spare = 32 - u32::from(prefix.length);
        start.to_bits().checked_shr(spare) == address.checked_shr(spare)
    };
    let best = prefixes
        .iter()
        .filter(holds)
        .max_by_key(|prefix| (prefix.length, &prefix.cloud, &prefix.region))?;
    Some((&best.cloud, &best.region))
}

#[test]
fn any_prefixes_are_looked_up_as_one_by_one() {
    bolero::check!()
        .with_type::<(Vec<(u32, u8, u8)>, Vec<u32>)>()
        .with_iterations(2_000)
        .for_each(|(prefixes, addresses)| {
            let prefixes: Vec<CloudPrefix> = prefixes
                .iter()
                .map(|(start, length, region)| CloudPrefix {
                    address: IpAddr::V4((*start).into()),
                    length: length % 33,
                    cloud: "cloud".to_owned(),
                    region: format!("{:03}", region % 5),
                })
                .collect();
            let table = CloudTable::build("", &prefixes).unwrap();
            let table = CloudTable::decode(&table.encode()).unwrap();
            let edges = prefixes.iter().flat_map(|prefix| match prefix.address {
                IpAddr::V4(start) => [start.to_bits(), start.to_bits().wrapping_sub(1)],
                IpAddr::V6(_) => [0, 0],
            });
            for address in addresses.iter().copied().chain(edges) {
                let found = table.look_up(IpAddr::V4(address.into()));
                let found = found.map(|cloud| (cloud.cloud, cloud.region));
                assert_eq!(
                    found,
                    longest(&prefixes, address),
                    "{}",
                    std::net::Ipv4Addr::from(address)
                );
            }
        });
}

#[test]
fn bytes_that_are_no_table_are_refused() {
    let bytes = table().encode();
    for end in 1..bytes.len() {
        assert!(CloudTable::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let newer = [b"BWT".as_slice(), &[2]].concat();
    assert_eq!(
        CloudTable::decode(&newer),
        Err(DecodeError::Newer { found: 2, known: 1 })
    );
    bolero::check!()
        .with_max_len(256)
        .with_iterations(5_000)
        .for_each(|bytes: &[u8]| drop(CloudTable::decode(bytes)));
}
