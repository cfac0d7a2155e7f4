//! Everything around the worker that the tests start: the real runtime, a real registry, proxies, clients.
//!
//! All of it on loopback, on free ports, in temporary folders, and gone when the test ends.

pub(crate) mod api;
pub(crate) mod browser;
pub(crate) mod clients;
pub(crate) mod clock;
pub(crate) mod debian;
pub(crate) mod deployment;
pub(crate) mod disk;
pub(crate) mod head;
pub(crate) mod http;
pub(crate) mod image;
pub(crate) mod past;
pub(crate) mod place;
mod preload;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod receiver;
pub(crate) mod registry;
pub(crate) mod relay;
pub(crate) mod self_hosted;
pub(crate) mod stage;
pub(crate) mod trace;
pub(crate) mod wall_clock;
pub(crate) mod workerd;
