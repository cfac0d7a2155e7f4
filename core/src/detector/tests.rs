//! Whole stories: cells of simulated traffic in, anomalies out.

pub(crate) mod stories;
pub(crate) mod traffic;
