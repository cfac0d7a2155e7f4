//! Failed tries of tokens, by address: whoever guesses is told to wait, and nobody else is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use blobwatch_wire::Problem;

/// Failed tries of one address in one window. People who paste the wrong token need three.
pub(crate) const MAX_FAILED: u32 = 20;

/// How long an address waits, from its first failed try.
pub(crate) const WINDOW_MS: u64 = 60_000;

/// Addresses that are remembered, 32 bytes each. When there are more, the one whose wait ends first is forgotten, of the network
/// that has most of them: no network makes the waits of others end.
pub(crate) const MAX_ADDRESSES: usize = 1_024;

/// What one isolate saw. It forgets with the isolate, and each isolate counts for itself.
#[derive(Debug, Default)]
pub struct Tries(Vec<FailedTries>);

#[derive(Debug)]
struct FailedTries {
    network: u128,
    times: u32,
    until_ms: u64,
}

impl Tries {
    /// Seconds that an address has to wait before another try is looked at; right or wrong is not said until then.
    #[must_use]
    pub fn wait_s(&self, address: Option<IpAddr>, now_ms: u64) -> Option<u64> {
        let network = network(address?)?;
        let failed = self.0.iter().find(|failed| failed.network == network)?;
        let left_ms = failed.left_ms(now_ms);
        (failed.times >= MAX_FAILED && left_ms > 0).then(|| left_ms.div_ceil(1_000))
    }

    /// A token was not known.
    pub fn failed(&mut self, address: Option<IpAddr>, now_ms: u64) {
        let Some(network) = address.and_then(network) else {
            return;
        };
        let until_ms = now_ms.saturating_add(WINDOW_MS);
        match self.0.iter_mut().find(|failed| failed.network == network) {
            Some(failed) if failed.left_ms(now_ms) > 0 => failed.times = failed.times.saturating_add(1),
            Some(failed) => (failed.times, failed.until_ms) = (1, until_ms),
            None => self.remember(FailedTries {
                network,
                times: 1,
                until_ms,
            }),
        }
    }

    fn remember(&mut self, failed: FailedTries) {
        if self.0.len() < MAX_ADDRESSES {
            self.0.push(failed);
            return;
        }
        let mut of_network: BTreeMap<u128, u32> = BTreeMap::new();
        for known in &self.0 {
            *of_network.entry(known.around()).or_default() += 1;
        }
        let most = |known: &&mut FailedTries| {
            let of = of_network.get(&known.around()).copied();
            (std::cmp::Reverse(of), known.until_ms)
        };
        if let Some(first) = self.0.iter_mut().min_by_key(most) {
            *first = failed;
        }
    }
}

impl FailedTries {
    /// The /24 or /48 that it is in.
    fn around(&self) -> u128 {
        let is_v4 = self.network >> 32 == 0xffff;
        let bits = if is_v4 { 8 } else { 80 };
        self.network >> bits << bits
    }

    /// 0 once it is over, and where the clock was set back.
    fn left_ms(&self, now_ms: u64) -> u64 {
        let left = self.until_ms.saturating_sub(now_ms);
        if left <= WINDOW_MS { left } else { 0 }
    }
}

/// An IPv4 address, or the /64 of an IPv6 address, which one machine has all of. `None` for loopback: it is the proxy's address
/// where no proxy says whose request it is, and everybody would wait for whoever guesses.
fn network(address: IpAddr) -> Option<u128> {
    let address = address.to_canonical();
    match address {
        _ if address.is_loopback() => None,
        IpAddr::V4(v4) => Some(v4.to_ipv6_mapped().to_bits()),
        IpAddr::V6(v6) => Some(v6.to_bits() >> 64 << 64),
    }
}

/// 429: this address has to wait.
#[must_use]
pub fn too_many_tries(wait_s: u64) -> Problem {
    let detail = format!("too many tokens from this address were not known; try again in {wait_s} s");
    Problem::new(429, "too-many-tries", "Too many tries", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_593_975_600_000;

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn after(address: &str, times: u32) -> Tries {
        let mut tries = Tries::default();
        (0..times).for_each(|_| tries.failed(at(address), NOW));
        tries
    }

    #[test]
    fn whoever_guesses_waits_and_nobody_else_does() {
        #[track_caller]
        fn case(guesser: &str, other: &str, waits: bool) {
            let tries = after(guesser, MAX_FAILED);
            assert_eq!(
                tries.wait_s(at(other), NOW),
                waits.then_some(60),
                "{guesser} {other}"
            );
        }
        case("192.0.2.7", "192.0.2.7", true);
        case("192.0.2.7", "::ffff:192.0.2.7", true);
        case("192.0.2.7", "192.0.2.8", false);
        case("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true);
        case("2001:db8:0:1::1", "2001:db8:0:2::1", false);
        // A proxy that does not say for whom it asks.
        case("127.0.0.1", "127.0.0.1", false);
        case("::1", "::1", false);
        assert_eq!(after("192.0.2.7", MAX_FAILED).wait_s(None, NOW), None);
    }

    #[test]
    fn a_wait_begins_with_the_last_try_that_is_allowed_and_ends() {
        assert_eq!(
            after("192.0.2.7", MAX_FAILED - 1).wait_s(at("192.0.2.7"), NOW),
            None
        );
        let mut tries = after("192.0.2.7", MAX_FAILED);
        assert_eq!(tries.wait_s(at("192.0.2.7"), NOW + WINDOW_MS - 1), Some(1));
        assert_eq!(tries.wait_s(at("192.0.2.7"), NOW + WINDOW_MS), None);
        tries.failed(at("192.0.2.7"), NOW + WINDOW_MS);
        assert_eq!(
            tries.wait_s(at("192.0.2.7"), NOW + WINDOW_MS),
            None,
            "counted anew"
        );
        // A clock that was set back locks nobody out for longer.
        assert_eq!(
            after("192.0.2.7", MAX_FAILED).wait_s(at("192.0.2.7"), NOW - 1),
            None
        );
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes() {
        let mut tries = after("192.0.2.7", MAX_FAILED);
        for at in 0..MAX_ADDRESSES as u32 - 1 {
            tries.failed(Some(IpAddr::V4((0x0a00_0000 + (at << 8)).into())), NOW + 1);
        }
        assert!(tries.wait_s(at("192.0.2.7"), NOW + 2).is_some());
        tries.failed(at("198.51.100.1"), NOW + 2);
        assert_eq!(tries.0.len(), MAX_ADDRESSES);
        assert_eq!(tries.wait_s(at("192.0.2.7"), NOW + 2), None);
    }

    #[test]
    fn no_network_ends_the_waits_of_others() {
        let mut tries = after("192.0.2.7", MAX_FAILED);
        for at in 0..4 * MAX_ADDRESSES as u128 {
            let address = (0x2001_0db8_u128 << 96) | (at << 64);
            tries.failed(Some(IpAddr::V6(address.into())), NOW + 1);
        }
        assert_eq!(tries.0.len(), MAX_ADDRESSES);
        assert!(tries.wait_s(at("192.0.2.7"), NOW + 2).is_some());
    }
}
