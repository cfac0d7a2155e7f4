//! Filters, cursors and summaries over records.
//!
//! In scope: reading a call's parameters, finding records in one FireLog's database, joining the answers of several.
//! Not in scope: HTTP and which FireLogs there are (`src/control_plane`). docs/records.md says what operators see.
//!
//! An answer of one FireLog is a [`Page`]: all matches from a *floor* up to where the page began, newest first. Pages
//! join at the highest floor, so that a client that pages to the end sees each record once and none is skipped, also
//! while segments are merged between the calls, and within one: long work pauses ([`crate::Pace`]).

mod band;
mod compare;
mod cursor;
mod distinct;
mod filter;
mod join;
mod older;
mod page;
mod parameters;
mod plan;
mod scan;
mod summary;
#[cfg(test)]
mod tests;
mod warnings;

#[cfg(feature = "schema")]
pub(crate) use compare::CompareBody;
pub use compare::CompareQuery;
pub(crate) use compare::TABLES;
pub use filter::{Filter, Kind};
pub(crate) use join::{Joining, MergedPage};
pub use older::Older;
pub use page::Page;
pub(crate) use parameters::MAX_LIMIT;
pub use parameters::{Format, Query, SummaryQuery};
pub use scan::{Budget, find, scan_page};
pub(crate) use summary::Part;
#[cfg(feature = "schema")]
pub(crate) use summary::SummaryCounts;
pub use summary::{Dimension, Summary, summarise, tabulate};
pub use warnings::filter_warnings;
