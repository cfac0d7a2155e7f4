//! Versions from Cargo.lock.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use toml::Table;

pub(super) fn read(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    text.parse()
        .with_context(|| format!("failed to parse {}", path.display()))
}

/// The locked version of a package; the first one where several are locked.
///
/// # Errors
/// The package is not in the lockfile.
pub(super) fn version<'a>(lock: &'a Table, package: &str) -> Result<&'a str> {
    let packages = lock.get("package").and_then(|value| value.as_array());
    packages
        .into_iter()
        .flatten()
        .find(|entry| entry.get("name").and_then(|name| name.as_str()) == Some(package))
        .and_then(|entry| entry.get("version")?.as_str())
        .with_context(|| format!("failed to find `{package}` in Cargo.lock: the worker must depend on it"))
}

#[cfg(test)]
mod tests {
    use super::version;

    const LOCK: &str = r#"
        version = 4
        [[package]]
        name = "wasm-bindgen-macro"
        version = "9.9.9"
        [[package]]
        name = "wasm-bindgen"
        version = "0.2.130"
    "#;

    #[test]
    fn the_version_is_of_the_package_with_exactly_that_name() {
        assert_eq!(
            version(&LOCK.parse().unwrap(), "wasm-bindgen").unwrap(),
            "0.2.130"
        );
    }

    #[test]
    fn a_package_that_is_not_locked_is_named() {
        let error = version(&LOCK.parse().unwrap(), "worker").unwrap_err().to_string();
        assert!(error.contains("`worker` in Cargo.lock"), "{error}");
    }
}
