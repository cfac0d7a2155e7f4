//! Where: the set of attribute values that explains an excess of events (multi-dimensional subset scan).
//!
//! One cross-section in (cells with attribute values, observed and expected counts), causes out. A cause is a cohort
//! "attribute 1 in V1 and attribute 2 in V2 …", found by maximising the penalised expectation-based Poisson score of
//! `price` (Neill, McFowland and Zheng, "Fast subset scan for multivariate event detection", 2013). The score is a
//! log likelihood ratio minus the log of how many cohorts of that shape there are, so it can be tested.
//!
//! Not in scope: where the expectation comes from, falls instead of rises, and which rule goes with a cohort.
//!
//! Work is bounded: a step of a climb reads each cell twice. One search makes at most 6 climbs of one step and 2 of
//! [`MAX_STEPS`], so at most (6 + 2 x 36) x cells x 2 reads; there are at most [`MAX_CAUSES`] searches and one
//! first climb. Climbs end after some steps in practice. Where cells err, each cause has 13 more climbs for its words, of at
//! most 12 changes that read each cell ten times.

mod cause;
mod climb;
mod cohort;
mod cross_section;
mod dispersion;
mod errors;
mod grid;
mod level;
mod pattern;
mod price;
mod scan;
mod scatter;
mod search;
mod shorten;
mod spare;
mod words;

pub use cause::{Cause, DEFAULT_ALPHA, MAX_CAUSES, Options, localize};
pub use climb::MAX_STEPS;
pub use cohort::{Cohort, Literal};
pub use cross_section::{CrossSection, Error, MAX_ATTRIBUTES, MAX_CELLS, MAX_VALUES};
pub use pattern::contrast_pattern;
