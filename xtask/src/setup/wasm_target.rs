//! The standard library for `wasm32-unknown-unknown`.

use crate::command::{ask, quiet};
use crate::progress::Step;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// What the worker is compiled for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Asks the compiler rather than rustup, because a distribution's Rust has no rustup.
pub(super) fn ensure(step: &Step) -> Result<&'static str> {
    if installed() {
        return Ok("installed");
    }
    quiet(step, Command::new("rustup").args(["target", "add", WASM_TARGET])).with_context(|| {
        format!(
            "the worker is compiled for {WASM_TARGET}, and this Rust has no standard library for it; \
             run `rustup target add {WASM_TARGET}`, or install your distribution's package of it"
        )
    })?;
    Ok("added by rustup")
}

fn installed() -> bool {
    ask("rustc", &["--print", "target-libdir", "--target", WASM_TARGET])
        .is_some_and(|folder| Path::new(&folder).is_dir())
}
