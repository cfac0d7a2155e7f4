//! The FireLog: records of one colo, kept, found, counted and explained.

mod explain;
mod followed;
mod object_calls;
mod query;
mod store;

pub use explain::explain;
pub use followed::{Followed, followed, followers};
pub use object_calls::{
    BEFORE, FlushCall, KIND, LossesCall, PageCall, PushRulebookCall, ReadRulebookCall, RecordCall,
    StandingCall, SummaryCall,
};
pub use query::{
    Budget, Dimension, Filter, Format, Joined, Kind, MAX_LIMIT, Page, Part, Query, Summary, SummaryQuery,
    find, join, mix, scan_page, summarise,
};
pub use store::{
    FireLog, FireLogError, MAX_VOLUME_KEYS, Span, Unsent, Window, back_of, front_of, oldest_first,
};
