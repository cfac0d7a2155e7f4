//! The digests of all archives in the folder, as `sha256sum --check` reads them.

use super::VERSION;
use anyhow::{Context, Result};
use blobwatch_wire::hex;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

const FILE: &str = "SHA256SUMS";

/// Answers with how many there are.
pub(super) fn write(folder: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_file() && name.starts_with("blobwatch") && name.contains(VERSION) {
            let bytes = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
            lines.push((name, hex(&Sha256::digest(bytes))));
        }
    }
    lines.sort();
    let text: String = lines
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}\n"))
        .collect();
    fs::write(folder.join(FILE), text).with_context(|| format!("failed to write {FILE}"))?;
    Ok(format!("{} archives", lines.len()))
}

#[cfg(test)]
mod tests {
    use super::{VERSION, write};
    use std::fs;

    #[test]
    fn archives_of_this_version_are_listed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            format!("blobwatch_{VERSION}_b"),
            format!("blobwatch-{VERSION}-a"),
            "blobwatch-0.0.0".to_owned(),
        ];
        for name in &names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(write(folder.path()).unwrap(), "2 archives");
        // sha256sum /dev/null
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = format!("{empty}  {}\n{empty}  {}\n", names[1], names[0]);
        assert_eq!(
            fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap(),
            expected
        );
    }
}
