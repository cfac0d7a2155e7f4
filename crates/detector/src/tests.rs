//! Whole stories: cells of simulated traffic in, anomalies out.

mod further;
mod invented;
mod missed;
pub(crate) mod stories;
pub(crate) mod traffic;
