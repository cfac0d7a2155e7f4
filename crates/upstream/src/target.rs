//! What a window's target says of routes: which of them a mitigation at it can have acted on.
//!
//! A host or a zone is that of the routes which have it as host, origin or detour, and of those without a host where no other
//! route takes all of it. Which addresses a name has nobody says: an address may be that of every route with a name.

use std::net::IpAddr;

use blobwatch_pull::host_of_address;
use blobwatch_rulebook::Route;
use blobwatch_wire::parse_address;

/// Names of routes that a window keeps, 4 KB; of more it may be of every one.
const MAX_NAMED: usize = 64;

/// What an attack was aimed at.
#[derive(Debug)]
enum Target<'a> {
    /// An address, or a prefix of so many bits.
    Network(IpAddr, u32),
    Host(&'a str),
    /// All hosts in it.
    Zone(&'a str),
    /// Nothing, or an id that says nothing of routes.
    Unknown,
}

/// Names of the routes; `None` where it may be every one.
pub(crate) fn routes_of(target: &str, is_zone: bool, routes: &[Route]) -> Option<Vec<String>> {
    let target = target.trim().to_ascii_lowercase();
    let target = Target::read(&target, is_zone);
    let of = routes.iter().filter(|route| target.may_be_of(route, routes));
    let names: Vec<String> = of.map(|route| route.name.clone()).collect();
    (names.len() < routes.len() && names.len() <= MAX_NAMED).then_some(names)
}

impl<'a> Target<'a> {
    fn read(text: &'a str, is_zone: bool) -> Self {
        if let Some((network, bits)) = network_of(text) {
            return Self::Network(network, bits);
        }
        let name = text.split(':').next().unwrap_or_default().trim_end_matches('.');
        let in_zone = name.strip_prefix("*.");
        let name = in_zone.unwrap_or(name);
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !name.contains('.') || !name.bytes().all(is_letter) {
            Self::Unknown
        } else if is_zone || in_zone.is_some() {
            Self::Zone(name)
        } else {
            Self::Host(name)
        }
    }

    fn may_be_of(&self, route: &Route, routes: &[Route]) -> bool {
        let Some(host) = &route.host else {
            return !self.is_taken(routes);
        };
        let behind = [&route.origin, &route.detour];
        let mut behind = behind
            .into_iter()
            .flatten()
            .map(|address| host_of_address(address));
        self.may_be(host) || behind.any(|host| self.is(&host))
    }

    /// Whether a route of that host takes all of it, so that nothing is left for routes of every host.
    fn is_taken(&self, routes: &[Route]) -> bool {
        let Self::Host(name) = self else { return false };
        let mut of_host = routes.iter().filter(|route| route.host.as_deref() == Some(*name));
        of_host.any(|route| route.repository == "**")
    }

    /// Whether it is that host, or may be for all that is known.
    fn may_be(&self, host: &str) -> bool {
        let is_address = parse_address(host).is_some();
        match self {
            Self::Unknown => true,
            Self::Network(..) => !is_address || self.is(host),
            Self::Host(_) | Self::Zone(_) => is_address || self.is(host),
        }
    }

    /// Whether it is that host by what both are called.
    fn is(&self, host: &str) -> bool {
        match self {
            Self::Unknown => false,
            Self::Host(name) => host == *name,
            Self::Zone(name) => {
                let rest = host.strip_suffix(*name);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Network(network, bits) => {
                parse_address(host).is_some_and(|address| is_within(address, *network, *bits))
            }
        }
    }
}

/// An address with its port or without, or a prefix.
fn network_of(text: &str) -> Option<(IpAddr, u32)> {
    if let Some(address) = parse_address(text) {
        return Some((address, u32::MAX));
    }
    let (address, bits) = text.split_once('/')?;
    Some((address.parse().ok()?, bits.parse().ok()?))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32_u32.saturating_sub(bits);
            let (address, network) = (address.to_bits(), network.to_bits());
            address.checked_shr(shift) == network.checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128_u32.saturating_sub(bits);
            let (address, network) = (address.to_bits(), network.to_bits());
            address.checked_shr(shift) == network.checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, host: Option<&str>, repository: &str) -> Route {
        Route {
            host: host.map(str::to_owned),
            repository: repository.to_owned(),
            ..Route::named(name)
        }
    }

    fn routes() -> Vec<Route> {
        let mut bucket = route("bucket", Some("blobs.example"), "**");
        bucket.origin = Some("https://bucket.s3.example:8443".to_owned());
        bucket.detour = Some("http://192.0.2.9:5000".to_owned());
        vec![
            route("hub", Some("hub.example"), "**"),
            route("team", Some("eu.hub.example"), "team/**"),
            bucket,
            route("six", Some("[2001:db8::1]"), "**"),
            route("four", Some("198.51.100.7"), "**"),
            route("library", None, "library/**"),
            Route::named("default"),
        ]
    }

    #[track_caller]
    fn case(target: &str, is_zone: bool, expected: &[&str]) {
        let routes = routes();
        let of = routes_of(target, is_zone, &routes);
        let of = of.unwrap_or_else(|| routes.iter().map(|route| route.name.clone()).collect());
        assert_eq!(of, expected, "{target}");
    }

    const ALL: [&str; 7] = ["hub", "team", "bucket", "six", "four", "library", "default"];

    /// Which names an address has nobody says, so that routes of addresses are among those of every name.
    #[test]
    fn a_host_is_that_of_its_routes_alone() {
        for unknown in ["", "023e105f4ecef8ad9ca31a8372d0c353", "registry", "a b"] {
            case(unknown, false, &ALL);
        }
        for hub in ["hub.example", "HUB.example.", "hub.example:443"] {
            case(hub, false, &["hub", "six", "four"]);
        }
        // The rest of it is left to routes of every host.
        case(
            "eu.hub.example",
            false,
            &["team", "six", "four", "library", "default"],
        );
        for other in ["other.example", "notblobs.example", "s3.example"] {
            case(other, false, &["six", "four", "library", "default"]);
        }
        case("blobs.example", false, &["bucket", "six", "four"]);
        let bucket = ["bucket", "six", "four", "library", "default"];
        case("bucket.s3.example", false, &bucket);
    }

    #[test]
    fn a_zone_is_that_of_every_host_in_it() {
        let hub = ["hub", "team", "six", "four", "library", "default"];
        case("hub.example", true, &hub);
        case("*.hub.example", false, &hub);
        case(
            "s3.example",
            true,
            &["bucket", "six", "four", "library", "default"],
        );
        case("b.example", true, &["six", "four", "library", "default"]);
    }

    #[test]
    fn an_address_may_be_that_of_every_route_with_a_name() {
        for address in [
            "192.0.2.1",
            "192.0.2.1:443",
            "192.0.2.0/24",
            "2001:db9::1",
            "[2001:db9::1]:443",
        ] {
            case(address, false, &["hub", "team", "bucket", "library", "default"]);
        }
        for address in [
            "198.51.100.7:443",
            "::ffff:198.51.100.7",
            "198.51.0.0/16",
            "0.0.0.0/0",
        ] {
            case(
                address,
                false,
                &["hub", "team", "bucket", "four", "library", "default"],
            );
        }
        for address in ["2001:db8::1", "2001:db8::/32", "[2001:db8::1]:443"] {
            case(
                address,
                false,
                &["hub", "team", "bucket", "six", "library", "default"],
            );
        }
    }

    #[test]
    fn any_text_is_a_target() {
        bolero::check!().with_type::<String>().for_each(|text| {
            routes_of(text, text.len() % 2 == 0, &routes());
        });
    }
}
