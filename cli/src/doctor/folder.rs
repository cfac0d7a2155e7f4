//! The release, and the data folder as a folder: whose it is, what is in it beside databases.

use std::env::var;
use std::fs::read_to_string;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use blobwatch_host::vars;
use rustix::process::geteuid;
use serde_json::Value;

use super::finding::Finding;
use crate::data_folder::{SECRETS, VERSION, is_newer};
use crate::installation::Installation;

const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn release(named: Option<&Path>) -> Finding {
    match Installation::find(named) {
        Ok(found) => Finding::sound(
            "release",
            format!("{OWN_VERSION} in {}", found.folder().display()),
        ),
        Err(error) => Finding::fault("release", format!("{error:#}")),
    }
}

/// The folder, its secrets and its folders of databases are their owner's only.
pub(super) fn permissions(path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, most) in [(path.to_owned(), 0o700), (path.join(SECRETS), 0o600)] {
        let Ok(metadata) = file.metadata() else { continue };
        let (mode, owner, own) = (metadata.mode() & 0o777, metadata.uid(), geteuid().as_raw());
        let place = file.display();
        if mode & !most != 0 {
            let told = format!(
                "{place} has mode {mode:o}: others read secrets and records; `chmod {most:o} {place}`"
            );
            findings.push(Finding::fault("permissions", told));
        }
        if owner != own && own != 0 {
            let told = format!("{place} belongs to user {owner}, and this is user {own}");
            findings.push(Finding::fault("permissions", told));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::sound(
            "permissions",
            format!("{} is its owner's only", path.display()),
        ));
    }
    findings
}

/// Of the environment first, as `serve` takes them, then of the folder's file.
pub(super) fn secrets(path: &Path) -> Finding {
    secrets_of(path, |name| var(name).ok().filter(|value| !value.is_empty()))
}

fn secrets_of(path: &Path, given: impl Fn(&str) -> Option<String>) -> Finding {
    let file = path.join(SECRETS);
    let kept = vars::read(&file);
    let is_given = [vars::TOKENS, vars::SECRET]
        .iter()
        .all(|name| given(name).is_some());
    if kept.is_err() && !is_given {
        let told =
            "cannot be read: `blobwatch serve` makes it, where the environment does not have both secrets";
        return Finding::fault("secrets", format!("{} {told}", file.display()));
    }
    let kept = kept.unwrap_or_default();
    let value = |name| {
        given(name).or_else(|| {
            kept.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
        })
    };
    let tokens: Option<Vec<Value>> = value(vars::TOKENS).and_then(|text| serde_json::from_str(&text).ok());
    judged(value(vars::SECRET).is_some(), tokens.map(|tokens| tokens.len()))
}

fn judged(has_secret: bool, tokens: Option<usize>) -> Finding {
    match (has_secret, tokens) {
        (false, _) => Finding::fault(
            "secrets",
            "BLOBWATCH_CLIENT_SECRET is missing: records are degraded without it",
        ),
        (_, None) => Finding::fault("secrets", "BLOBWATCH_TOKENS is no list: nobody can call the API"),
        (_, Some(0)) => Finding::fault(
            "secrets",
            "there is no token: `blobwatch token NAME --role admin --data FOLDER` makes one",
        ),
        (_, Some(1)) => Finding::sound("secrets", "a client secret and 1 token"),
        (_, Some(tokens)) => Finding::sound("secrets", format!("a client secret and {tokens} tokens")),
    }
}

pub(super) fn version(path: &Path) -> Finding {
    let served = read_to_string(path.join(VERSION)).unwrap_or_default();
    let served = served.trim();
    if is_newer(served, OWN_VERSION) {
        let told = format!(
            "{served} served this folder, which is newer than this {OWN_VERSION}: start that release"
        );
        return Finding::fault("version", told);
    }
    let served = if served.is_empty() {
        "not served yet"
    } else {
        served
    };
    Finding::sound("version", format!("{served}, and this is {OWN_VERSION}"))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use super::{permissions, secrets_of, version};

    #[test]
    fn what_others_can_read_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let close =
            |name: &str, mode| set_permissions(path.join(name), Permissions::from_mode(mode)).unwrap();
        write(path.join("secrets.env"), "").unwrap();
        close("secrets.env", 0o600);
        close("", 0o700);
        assert!(!permissions(path)[0].is_fault());
        close("secrets.env", 0o640);
        close("", 0o711);
        let told: Vec<String> = permissions(path).iter().map(ToString::to_string).collect();
        assert!(
            told[0].contains("chmod 700") && told[1].contains("chmod 600"),
            "{told:?}"
        );
    }

    #[test]
    fn secrets_that_are_missing_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let case = |text: &str, expected: &str| {
            write(folder.path().join("secrets.env"), text).unwrap();
            let found = secrets_of(folder.path(), |_| None).to_string();
            assert!(found.contains(expected), "{text}: {found}");
        };
        assert!(secrets_of(folder.path(), |_| None).is_fault());
        case("", "BLOBWATCH_CLIENT_SECRET is missing");
        case("BLOBWATCH_CLIENT_SECRET=x", "BLOBWATCH_TOKENS is no list");
        case(
            "BLOBWATCH_CLIENT_SECRET=x\nBLOBWATCH_TOKENS={}",
            "BLOBWATCH_TOKENS is no list",
        );
        case(
            "BLOBWATCH_CLIENT_SECRET=x\nBLOBWATCH_TOKENS=[]",
            "there is no token",
        );
        case(
            "BLOBWATCH_CLIENT_SECRET=x\nBLOBWATCH_TOKENS=[{}]",
            "ok     secrets",
        );
    }

    #[test]
    fn secrets_of_the_environment_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let given = |name: &str| {
            Some(
                if name == "BLOBWATCH_TOKENS" {
                    "[{},{}]"
                } else {
                    "x"
                }
                .to_owned(),
            )
        };
        let found = secrets_of(folder.path(), given).to_string();
        assert!(found.contains("2 tokens"), "{found}");
        write(
            folder.path().join("secrets.env"),
            "BLOBWATCH_CLIENT_SECRET=y\nBLOBWATCH_TOKENS=[]",
        )
        .unwrap();
        let found = secrets_of(folder.path(), given).to_string();
        assert!(found.contains("2 tokens"), "{found}");
    }

    #[test]
    fn data_of_a_newer_release_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let is_fault = |text: &str| {
            write(folder.path().join("version"), text).unwrap();
            version(folder.path()).is_fault()
        };
        assert!(!version(folder.path()).is_fault());
        assert!(!is_fault("0.0.1\n") && !is_fault("nonsense"));
        assert!(is_fault("999.0.0\n"));
    }
}
