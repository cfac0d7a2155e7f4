//! Who lets people sign in: what `BLOBWATCH_OIDC` and `BLOBWATCH_ACCESS` say, read as the worker reads it.

use std::env::var;
use std::fs::read_to_string;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use blobwatch_auth::{Access, Oidc};
use blobwatch_host::vars;

pub(crate) const OIDC: &str = "BLOBWATCH_OIDC";
pub(crate) const ACCESS: &str = "BLOBWATCH_ACCESS";

/// A variable of the environment, or else of the file of secrets.
pub(crate) fn variable(name: &str, secrets: &Path) -> Option<String> {
    let kept = || {
        let known = vars::read(secrets).ok()?.into_iter();
        known
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value)
            .next()
    };
    var(name).ok().filter(|value| !value.is_empty()).or_else(kept)
}

/// What says who the provider is: the file that is named, or the variable.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn oidc_text(file: Option<&Path>, secrets: &Path) -> Result<Option<String>> {
    match file {
        Some(file) => read_to_string(file)
            .map(Some)
            .with_context(|| format!("failed to read {}", file.display())),
        None => Ok(variable(OIDC, secrets)),
    }
}

/// # Errors
/// The worker would let nobody sign in by it.
pub(crate) fn oidc(text: &str) -> Result<Oidc> {
    let read = Oidc::from_json(text).map_err(|error| anyhow!("{OIDC} cannot be read: {error}"))?;
    read.ok_or_else(|| anyhow!("{OIDC} is empty"))
}

/// # Errors
/// As [`oidc`].
pub(crate) fn check_access(text: &str) -> Result<()> {
    Access::from_json(text)
        .map(drop)
        .map_err(|error| anyhow!("{ACCESS} cannot be read: {error}"))
}
