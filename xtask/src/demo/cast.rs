//! Who pulls: client builds in the networks and regions where they are at home.
//!
//! User-Agents are those of real builds; TLS values stand for one build each and are made up, but for the length of the
//! ClientHello that the July 2020 signature of the starter rulebook looks at.

use super::client::Habit;
use fastrand::Rng;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// Clients have addresses of the shared space 100.64.0.0/10 (RFC 6598), which nobody on the Internet has.
const FIRST_ADDRESS: u32 = 0x6440_0000;
const ADDRESSES: u32 = 1 << 22;

/// One client in so many has pulled before: hosts come and go.
const RETURNING: f64 = 0.03;

struct Region {
    colo: &'static str,
    country: &'static str,
    weight: u32,
}

/// The signature spares Ashburn, and those who live there see nothing: that night "our own AWS pulls and monitoring looked
/// fine". San José has its country, so that only the data centre tells the two apart.
const REGIONS: [Region; 8] = [
    region("IAD", "US", 24),
    region("SJC", "US", 16),
    region("DUB", "IE", 10),
    region("NRT", "JP", 10),
    region("SIN", "SG", 10),
    region("SYD", "AU", 10),
    region("GRU", "BR", 10),
    region("FRA", "DE", 10),
];

const fn region(colo: &'static str, country: &'static str, weight: u32) -> Region {
    Region {
        colo,
        country,
        weight,
    }
}

struct Build {
    user_agent: &'static str,
    accept_encoding: &'static str,
    asns: &'static [u32],
    tls: &'static str,
    hello_length: u32,
    habit: Habit,
    weight: u32,
}

const AWS: &[u32] = &[16509, 14618];
const OTHER_CLOUDS: &[u32] = &[15169, 8075, 14061];
const PROVIDERS: &[u32] = &[7018, 3320, 4713];

const BUILDS: [Build; 7] = [
    Build {
        user_agent: "docker/19.03.6-ce go/go1.13.4 git-commit/369ce74 kernel/4.14.181-140.257.amzn2.x86_64 os/linux \
                     arch/amd64 UpstreamClient(Docker-Client/19.03.6-ce \\(linux\\))",
        accept_encoding: "gzip",
        asns: AWS,
        tls: "a1",
        hello_length: 508,
        habit: Habit::Docker,
        weight: 40,
    },
    Build {
        user_agent: "docker/19.03.11 go/go1.13.10 git-commit/42e35e61f3 kernel/5.3.0-1028-aws os/linux arch/amd64 \
                     UpstreamClient(Docker-Client/19.03.11 \\(linux\\))",
        accept_encoding: "gzip",
        asns: AWS,
        tls: "b2",
        hello_length: 230,
        habit: Habit::Docker,
        weight: 16,
    },
    Build {
        user_agent: "docker/19.03.8 go/go1.12.17 git-commit/afacb8b kernel/4.19.76-linuxkit os/linux arch/amd64 \
                     UpstreamClient(Docker-Client/19.03.8 \\(darwin\\))",
        accept_encoding: "gzip",
        asns: PROVIDERS,
        tls: "c3",
        hello_length: 226,
        habit: Habit::Docker,
        weight: 20,
    },
    Build {
        user_agent: "containerd/1.6.21",
        accept_encoding: "gzip",
        asns: OTHER_CLOUDS,
        tls: "d4",
        hello_length: 240,
        habit: Habit::Containerd,
        weight: 18,
    },
    Build {
        user_agent: "libpod/4.9.4",
        accept_encoding: "gzip",
        asns: OTHER_CLOUDS,
        tls: "e5",
        hello_length: 252,
        habit: Habit::ContainersImage,
        weight: 10,
    },
    Build {
        user_agent: "skopeo/1.14.2",
        accept_encoding: "gzip",
        asns: AWS,
        tls: "f6",
        hello_length: 252,
        habit: Habit::ContainersImage,
        weight: 5,
    },
    Build {
        user_agent: "buildkit/v0.12",
        accept_encoding: "gzip",
        asns: PROVIDERS,
        tls: "07",
        hello_length: 238,
        habit: Habit::BuildKit,
        weight: 5,
    },
];

/// One host that pulls.
pub(super) struct Host {
    pub(super) user_agent: &'static str,
    pub(super) habit: Habit,
    /// What the platform knows of its connection, `request.cf`.
    pub(super) cf: Value,
}

/// Draws hosts, the same ones in every run.
pub(super) struct Cast {
    random: Rng,
    /// Hosts that have pulled, by region and build.
    hosts: [[u32; BUILDS.len()]; REGIONS.len()],
}

impl Cast {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            hosts: [[0; BUILDS.len()]; REGIONS.len()],
        }
    }

    /// The next one to pull; `None` never, as long as the weights are above 0.
    pub(super) fn next(&mut self) -> Option<Host> {
        let at = draw(&mut self.random, &REGIONS.map(|region| region.weight));
        let of = draw(&mut self.random, &BUILDS.each_ref().map(|build| build.weight));
        let (region, build) = (REGIONS.get(at)?, BUILDS.get(of)?);
        let known = self.hosts.get_mut(at)?.get_mut(of)?;
        let number = if *known > 0 && self.random.f64() < RETURNING {
            self.random.u32(0..*known)
        } else {
            *known += 1;
            *known - 1
        };
        let block = ADDRESSES / (REGIONS.len() * BUILDS.len()) as u32;
        let address = FIRST_ADDRESS + (at * BUILDS.len() + of) as u32 * block + number % block;
        let asn = build.asns.get(number as usize % build.asns.len())?;
        Some(Host {
            user_agent: build.user_agent,
            habit: build.habit,
            cf: cf(region, build, *asn, Ipv4Addr::from(address)),
        })
    }
}

/// The position of a weight, as often as the weight says.
fn draw(random: &mut Rng, weights: &[u32]) -> usize {
    let mut left = random.u32(0..weights.iter().sum());
    let is_it = |weight: &u32| match left.checked_sub(*weight) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    };
    weights.iter().position(is_it).unwrap_or(0)
}

fn cf(region: &Region, build: &Build, asn: u32, address: Ipv4Addr) -> Value {
    json!({
        "colo": region.colo,
        "country": region.country,
        "asn": asn,
        "clientIp": address.to_string(),
        "httpProtocol": "HTTP/1.1",
        "tlsVersion": "TLSv1.2",
        "tlsCipher": "ECDHE-RSA-AES128-GCM-SHA256",
        "tlsClientCiphersSha1": format!("{}ciphers", build.tls),
        "tlsClientExtensionsSha1Le": format!("{}extensions", build.tls),
        "tlsClientHelloLength": build.hello_length.to_string(),
        "clientAcceptEncoding": build.accept_encoding,
    })
}

#[cfg(test)]
mod tests {
    use super::{Cast, draw};
    use fastrand::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn weights_are_kept() {
        let mut random = Rng::with_seed(1);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[draw(&mut random, &[1, 0, 3])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_200..2_800).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn hosts_are_many_and_repeat_from_run_to_run() {
        let draw = |seed| {
            let mut cast = Cast::new(seed);
            let hosts = (0..1_000).map(|_| cast.next().unwrap().cf["clientIp"].to_string());
            hosts.collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert!(draw(7).into_iter().collect::<BTreeSet<_>>().len() > 950);
    }
}
