//! Whole stories: cells of simulated traffic in, anomalies out.

mod covered;
pub(crate) mod further;
mod invented;
mod missed;
mod responses;
pub(crate) mod stories;
pub(crate) mod traffic;
mod upstream;
