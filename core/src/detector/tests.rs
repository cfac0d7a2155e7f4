//! Whole stories: cells of simulated traffic in, anomalies out.

mod stories;
mod traffic;
