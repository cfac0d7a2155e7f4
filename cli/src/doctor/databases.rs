//! The databases: damaged, or written by a newer release.

use std::path::Path;

use super::finding::Finding;
use crate::data_folder::DataFolder;
use crate::databases::{damage, files, is_alarms, schema};

/// One line for what is wrong, or one for all that is right.
pub(super) fn examined(path: &Path) -> Vec<Finding> {
    let data = match DataFolder::look(path) {
        Ok(data) => data,
        Err(error) => {
            // A service that runs is no fault, and neither is one that never ran.
            let told = format!("not looked at: {error:#}");
            let is_sound = told.contains("in use") || told.contains("nothing has served");
            let make = if is_sound { Finding::sound } else { Finding::fault };
            return vec![make("databases", told)];
        }
    };
    let files = match files(&data) {
        Ok(files) => files,
        Err(error) => return vec![Finding::fault("databases", format!("{error:#}"))],
    };
    let mut findings: Vec<Finding> = files.iter().filter_map(|file| fault(file)).collect();
    if findings.is_empty() {
        let versions: Vec<String> = files.iter().filter_map(|file| of_version(file)).collect();
        let told = format!("{} files, none is damaged{}", files.len(), versions.concat());
        findings.push(Finding::sound("databases", told));
    }
    findings
}

fn fault(file: &Path) -> Option<Finding> {
    let place = file.display();
    let told = match damage(file) {
        Ok(None) => return None,
        Err(error) => format!("{error:#}"),
        Ok(Some(damage)) if is_alarms(file) => {
            format!(
                "{place} is damaged ({damage}): `blobwatch serve` moves it away by itself, and only alarms are in it"
            )
        }
        Ok(Some(damage)) => format!(
            "{place} is damaged ({damage}): restore it from a backup, or move it away, with its -wal and -shm, to start that object \
             empty"
        ),
    };
    Some(Finding::fault("databases", told))
}

fn of_version(file: &Path) -> Option<String> {
    let folder = file.parent()?.file_name()?.to_string_lossy().into_owned();
    Some(format!("; {folder} has version {}", schema(file)?))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, write};

    use super::examined;
    use crate::data_folder::DataFolder;

    #[test]
    fn damage_is_named_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let objects = folder.path().join("blobwatch-detector");
        create_dir(&objects).unwrap();
        let told = || {
            let findings = examined(folder.path());
            findings
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert!(told().starts_with("ok ") && told().contains("nothing has served"));
        drop(DataFolder::open(folder.path()).unwrap());
        assert!(told().contains("0 files, none is damaged"));
        let nonsense = "no database ".repeat(20);
        write(objects.join("metadata.sqlite"), &nonsense).unwrap();
        write(objects.join("ab.sqlite"), &nonsense).unwrap();
        let found = told();
        assert!(
            found.contains("metadata.sqlite is damaged") && found.contains("by itself"),
            "{found}"
        );
        assert!(
            found.contains("ab.sqlite is damaged") && found.contains("backup"),
            "{found}"
        );
        let _open = DataFolder::open(folder.path()).unwrap();
        assert!(
            told().starts_with("ok "),
            "a service that runs is no fault: {}",
            told()
        );
    }
}
