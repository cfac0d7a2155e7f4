//! Programs of the Python packages in `tests/requirements.txt`, which `cargo xtask test` installs.

use std::process::Command;

use super::process::command;
use crate::serve::built;

/// `python`, or what a package calls its program.
#[track_caller]
pub(crate) fn python(program: &str) -> Command {
    command(built(&format!("../python/bin/{program}")).to_str().unwrap())
}
