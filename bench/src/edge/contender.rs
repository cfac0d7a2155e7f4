//! One worker in the comparison: a workerd process of its own.

use super::cpu;
use crate::stage::{Origin, Worker, Workerd, rulebook};
use anyhow::Result;
use std::net::SocketAddr;
use std::time::Duration;

pub(super) struct Contender {
    pub(super) name: String,
    workerd: Workerd,
}

impl Contender {
    /// Starts it, with the rules installed where there can be any.
    pub(super) fn start(name: &str, worker: &Worker, origin: &Origin, vars: &[(&str, &str)]) -> Result<Self> {
        let workerd = Workerd::start(worker, origin.address(), vars)?;
        if let Worker::Blobwatch(_) = worker {
            rulebook::install(&workerd.api())?;
        }
        Ok(Self {
            name: name.to_owned(),
            workerd,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.workerd.address()
    }

    /// All the CPU that the process has used since it was started.
    pub(super) fn cpu(&self) -> Result<Duration> {
        cpu::of_tree(self.workerd.pid())
    }
}
