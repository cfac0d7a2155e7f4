//! Who sent anything at all on a route, with or without an event: whether it is enough to judge by.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::breadth::Breadth;
use blobwatch_pull::{ClientKey, NetworkKey};

/// Everybody who sent a request on one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteBreadth {
    pub route: Arc<str>,
    pub breadth: Breadth,
}

impl RouteBreadth {
    /// Routes of one batch: with full sketches of 330 bytes and their names 40 KB of the 2 MB of a row.
    pub const MAX: usize = 64;
}

/// The routes of a slot in the making.
#[derive(Debug, Default)]
pub struct RouteBreadths(BTreeMap<Arc<str>, Breadth>);

impl RouteBreadths {
    pub fn insert(&mut self, route: &Arc<str>, client: ClientKey, network: NetworkKey) {
        if let Some(breadth) = self.0.get_mut(route) {
            breadth.insert(client, network);
        } else if self.0.len() < RouteBreadth::MAX {
            self.0
                .entry(Arc::clone(route))
                .or_default()
                .insert(client, network);
        }
    }

    #[must_use]
    pub fn into_list(self) -> Vec<RouteBreadth> {
        let of = |(route, breadth)| RouteBreadth { route, breadth };
        self.0.into_iter().map(of).collect()
    }
}
