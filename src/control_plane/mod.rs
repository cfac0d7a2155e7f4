//! Platform glue: the only place that may name `worker`, `wasm_bindgen` or `js_sys`.
//!
//! `src/data_plane` is the walk of a request, with a Wasm module of its own; `control.js` and `objects.js` load this one
//! when it is called. `control` is the API; `rule_book_do`, `fire_log_do`, `detector_do` and `previews_do` are the Durable
//! Objects.

mod access;
mod addresses_api;
mod admission;
mod audit_api;
mod body;
mod control;
mod demo_api;
mod deliver;
mod detector_api;
mod detector_do;
#[expect(
    clippy::disallowed_macros,
    reason = "`event` writes down an answer that cannot be made"
)]
mod entry;
mod fire_log_do;
mod fire_log_queries;
mod gone;
mod health;
mod http;
mod ingest_api;
mod isolate_state;
mod loads_api;
mod log;
mod losses_api;
mod object_call;
mod oidc;
mod opened;
mod page;
mod pause;
mod previews_do;
mod random;
mod records_api;
mod rule_book_do;
mod session;
mod shares_api;
mod signature;
mod sql;
mod storage_check;
mod told_losses;
mod tokens_api;
mod tries;
