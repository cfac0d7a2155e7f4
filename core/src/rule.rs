//! The rule language: the Cloudflare Rules language with typed fields of our own (docs/rules.md).
//!
//! In scope: parse, check, print, compile and run; each its own type, so that a compiled rule cannot hold an
//! unknown field. Not in scope: modes and actions (`rulebook`, `verdict`).

pub mod values;
