//! How much of a guard's counts one network can fill. An address has as many names as it likes, and a /64 as many addresses.

use super::health::ByClient;
use blobwatch_pull::NetworkKey;

/// Clients of one network that count for the tests, of those with a past and of those without: a cohort of a few networks is
/// still seen, and a network with thousands of names weighs no more than four machines.
pub(super) const MAX_CLIENTS: u8 = 4;

/// Cohorts that come into being by clients of one network: a machine has a program or two.
const MAX_COHORTS: u8 = 2;

/// What the clients of one network took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct NetworkShare {
    pub(super) known: u8,
    pub(super) new: u8,
    pub(super) cohorts: u8,
}

/// By network; no more than there are clients of the guard.
#[derive(Debug, Clone, Default)]
pub(super) struct Networks(pub(super) ByClient<NetworkShare>);

impl Networks {
    /// Whether one more client with a past would count.
    pub(super) fn has_room(&self, network: NetworkKey) -> bool {
        let taken = self.0.get(&network.0);
        taken.is_none_or(|taken| taken.known < MAX_CLIENTS)
    }

    /// Whether one more client with a past counts.
    pub(super) fn takes_known(&mut self, network: NetworkKey) -> bool {
        take(&mut self.of(network).known, MAX_CLIENTS)
    }

    /// Whether one more client without a past counts.
    pub(super) fn takes_new(&mut self, network: NetworkKey) -> bool {
        take(&mut self.of(network).new, MAX_CLIENTS)
    }

    /// Whether one more cohort may begin.
    pub(super) fn takes_place(&mut self, network: NetworkKey) -> bool {
        take(&mut self.of(network).cohorts, MAX_COHORTS)
    }

    fn of(&mut self, network: NetworkKey) -> &mut NetworkShare {
        self.0.entry(network.0).or_default()
    }
}

fn take(count: &mut u8, most: u8) -> bool {
    let is_free = *count < most;
    *count += u8::from(is_free);
    is_free
}
