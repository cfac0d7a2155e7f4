//! Where the compiled cargo tools are kept: per user, outside the clone, by name and version, so that every clone and
//! every `cargo clean` finds them again.

use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The folder of one version of a tool.
pub(super) fn tool(name: &str, version: &str) -> Result<PathBuf> {
    Ok(base(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))?
        .join(format!("blobwatch/tools/{name}-{version}")))
}

/// The user's cache folder by the XDG base directory specification: a relative or empty value counts as unset.
fn base(xdg: Option<OsString>, home: Option<OsString>) -> Result<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(xdg)
        .or_else(|| Some(absolute(home)?.join(".cache")))
        .context("failed to find a cache folder: neither XDG_CACHE_HOME nor HOME is set")
}

#[cfg(test)]
mod tests {
    use super::base;
    use std::path::PathBuf;

    #[track_caller]
    fn case(xdg: Option<&str>, home: Option<&str>, expected: Option<&str>) {
        assert_eq!(
            base(xdg.map(Into::into), home.map(Into::into)).ok(),
            expected.map(PathBuf::from)
        );
    }

    #[test]
    fn the_cache_folder_follows_the_xdg_specification() {
        case(Some("/cache"), Some("/home/ada"), Some("/cache"));
        case(None, Some("/home/ada"), Some("/home/ada/.cache"));
        case(Some(""), Some("/home/ada"), Some("/home/ada/.cache"));
        case(Some("relative"), Some("/home/ada"), Some("/home/ada/.cache"));
        case(None, None, None);
    }
}
