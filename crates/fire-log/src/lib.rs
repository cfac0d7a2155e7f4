//! The FireLog: records of one colo, kept, found, counted and explained.

mod explain;
mod fan_out;
mod followed;
mod object_calls;
mod pace;
mod query;
mod store;

pub use explain::explain;
pub use fan_out::{
    Export, FireLogs, Listing, LossSums, find_anywhere, follow_anywhere, losses, summarise_all,
};
pub use object_calls::{
    BEFORE, FlushCall, KIND, LossesCall, PageCall, PushRulebookCall, ReadRulebookCall, RecordCall,
    StandingCall, SummaryCall, UpstreamCall,
};
pub use pace::{OPENING, undisturbed};
pub use query::{
    Budget, Dimension, Filter, Format, Kind, Page, Query, Summary, SummaryQuery, find, scan_page, summarise,
};
pub use store::{
    FireLog, FireLogError, FrontAndBack, MAX_VOLUME_KEYS, OutboxBatch, Span, Window, block_as_found,
    oldest_first, tend, wake,
};
