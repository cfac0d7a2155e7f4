//! The FireLog: records of one colo, kept, found, counted and explained.

mod explain;
mod query;
mod store;

pub use explain::explain;
pub use query::{
    Budget, Dimension, EXPECTED_TIME, Filter, Format, Joined, Kind, MAX_LIMIT, Page, Part, Query, Summary,
    SummaryQuery, find, join, mix, parse_time, scan_page, summarise,
};
pub use store::{
    FireLog, FireLogError, Loss, MAX_VOLUME_KEYS, Span, Unsent, Window, back_of, front_of, oldest_first,
};
