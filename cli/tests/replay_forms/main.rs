//! Logs as programs and services write them and as carriers deliver them: each form is read without being told, each request
//! once, and no carrier is taken for a client.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

mod exports;
mod known;
mod logs;
mod rules;
mod told;
