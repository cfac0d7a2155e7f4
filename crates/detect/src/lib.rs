//! When something is wrong, and for whom: counts in, anomalies and cohorts out.
//!
//! In scope: the statistics. Time is the number of a slot, cohorts are attribute values. Not in scope: where counts
//! come from (records, access logs) and who is told. It is a crate of its own because it needs nothing of the request
//! path, and its simulations are run often. What is promised is in docs/detection.md.

pub mod counts;
pub mod beta_binomial;
pub mod dispersion;
pub mod baseline;
pub mod lag;
pub mod sequential;
pub mod recovery;
pub mod cohort;
pub mod cohorts;
pub mod budget;
pub mod incident;
pub mod monitor;
pub mod localize;
#[cfg(any(test, feature = "simulate"))]
pub mod simulate;
