//! The FireLog: records of one colo, kept, found, counted and explained.

mod explain;
mod fan_out;
mod followed;
mod forms;
mod load;
mod object_calls;
mod pace;
mod query;
#[cfg(feature = "schema")]
mod schema;
mod store;

pub use explain::explain;
pub use fan_out::{
    Export, FireLogs, Listing, LossSums, Notes, WAVE, address_list, compare_all, erase_address,
    find_anywhere, follow_anywhere, load_metrics, loads, losses, summarise_all, with_counters,
};
pub use object_calls::{
    AddressesCall, BEFORE, CellsOfCall, CountersCall, EraseAddressCall, FlushCall, HandoverCall, KIND,
    LoadCall, LossesCall, PageCall, PushRulebookCall, ReadRulebookCall, RecordCall, StandingCall,
    SummaryCall, UpstreamCall,
};
pub use pace::{OPENING, undisturbed};
pub use query::{
    Budget, CompareQuery, Dimension, Filter, Format, Kind, Older, Page, Query, Summary, SummaryQuery,
    filter_warnings, find, scan_page, summarise, tabulate,
};
#[cfg(feature = "schema")]
pub use schema::{add_answers, add_bodies};
pub use store::{
    FireLog, FireLogError, FrontAndBack, KeptAddress, MAX_VOLUME_KEYS, OutboxBatch, Span, Window, address_of,
    addresses, block_as_found, handover, oldest_first, tend, wake,
};
pub(crate) use store::{RuleAct, RuleFires};
