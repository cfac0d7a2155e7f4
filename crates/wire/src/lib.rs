//! What everything of Blobwatch speaks: bytes, times, addresses, problems, calls between objects, parameters of
//! calls, pages and their validators; text of strangers made visible.

mod address;
mod answer_limit;
mod api;
mod api_request;
mod body_limit;
mod broken_off;
mod bytes;
mod figures;
mod hash;
mod health;
mod hex;
mod isolate_state;
mod log;
mod loss;
mod method;
mod metrics_page;
mod nearest;
mod object_call;
mod otlp;
mod page;
mod parameters;
mod plain_page;
mod problem;
mod role;
#[cfg(feature = "schema")]
mod schema;
mod time;
mod times;
mod validator;
mod visible;

pub use address::parse_address;
pub use answer_limit::{answer_limit, unanswered};
pub use api::{
    API, ApiCall, ApiParameter, CALLS, Changed, DIMENSIONS, Handler, Lookup, Occurs, ParameterValue, SHARED,
    handler_at, look_up, methods_at, role_of_missing,
};
pub use api_request::{ApiReply, ApiRequest, json_text};
pub use body_limit::{BoundedBody, MAX_BODY, MAX_OBJECT_BODY, MAX_RULEBOOK_BODY, MAX_SMALL_BODY, text_of};
pub use broken_off::{STORAGE, STORAGE_TITLE, StorageFault, broken_off};
pub use bytes::{
    DecodeError, MAX_TEXT_BYTES, Reader, clip, put_all, put_bytes, put_long_text, put_one, put_option,
    put_text, put_varint, unzigzag, zigzag,
};
pub use figures::{grouped, percent};
pub use hash::{FNV_START, fnv1a, splitmix, splitmix_finalizer};
pub use health::{Health, KnownHealth, ObjectsHealth, Unstored};
pub use hex::{hex, put_hex, unhex, unhex_any_case};
pub use isolate_state::{IsolateState, NO_CAUSE};
pub use log::{LogField, LogLevel, log_line};
pub use loss::{DATA_LOSSES, Loss};
pub use method::Method;
pub use metrics_page::MetricsPage;
pub use nearest::{did_you_mean, nearest};
pub use object_call::{
    Body, Bytes, Nothing, Object, ObjectCall, Payload, Text, query_number, query_value, with_query,
};
pub use otlp::{otlp_attribute, otlp_logs, otlp_nanoseconds, otlp_rejected};
pub use page::{DashboardFile, PREFIX, SECURITY_HEADERS};
pub use parameters::{List, MAX_LIMIT, Page, Parameters, bad_cursor};
pub use plain_page::{escaped, plain_page, plain_page_headers};
pub use problem::{MEDIA_TYPE, Place, Problem};
pub use role::Role;
#[cfg(feature = "schema")]
pub use schema::{Nullable, Schemas, add_answers};
pub use time::{MAX_TIME_MS, parse_rfc3339, rfc3339};
pub use times::{EXPECTED_TIME, parse_time};
pub use validator::{etag, is_known};
pub use visible::{is_invisible, visible, visible_lines};
