//! An object that broke off: what the caller is told of the cause.
//!
//! What an object stored is written after it answered, and the answer waits for that: where it cannot be written, nobody hears the
//! object, and the call ends with what the platform says. workerd may say no more than "internal error".

use crate::{Object, Problem, clip};

/// The kind of the problem that lasts until there is room, or the database is mended.
pub const STORAGE: &str = "storage";

/// Title of that problem.
pub const STORAGE_TITLE: &str = "The database cannot be read or written";

/// In what the platform says where SQLite fails, such as SQLITE_FULL and SQLITE_NOTADB.
const OF_SQLITE: &str = "SQLITE_";

/// What keeps an object from storing: the same words in an answer and in `healthz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageFault {
    /// With what SQLite says.
    Database(String),
    /// Its database can be written, and the file in which workerd keeps the alarms cannot.
    Alarms,
}

impl StorageFault {
    /// What the platform says of a call that it ended: `None` where it names no cause.
    #[must_use]
    pub fn of(error: &str) -> Option<Self> {
        error
            .contains(OF_SQLITE)
            .then(|| Self::Database(clip(error).to_owned()))
    }

    /// Fits "the RuleBook stores nothing: …".
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Database(error) => format!("its database cannot be read or written: {error}"),
            Self::Alarms => "the runtime cannot write down when its alarm rings: the disk is full, or metadata.sqlite is not writable"
                .to_owned(),
        }
    }
}

/// 503: the object of that name broke off. `purpose` fits "failed to …".
#[must_use]
pub fn broken_off(object: Object, name: &str, purpose: &str, fault: Option<&StorageFault>) -> Problem {
    let (kind, title, why) = match fault {
        Some(fault) => (STORAGE, STORAGE_TITLE, fault.sentence()),
        None => (
            "unavailable",
            "Unavailable",
            "the runtime's log says why".to_owned(),
        ),
    };
    let who = object.called(name);
    let detail =
        format!("failed to {purpose}: {who} broke off: {why}. See whether it was done before you try again");
    Problem::new(503, kind, title, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(fault: Option<&StorageFault>, kind: &str, why: &str) {
        let problem = broken_off(Object::RuleBook, "rulebook", "change it", fault);
        assert_eq!((problem.status, problem.is(kind)), (503, true), "{problem:?}");
        let end = "See whether it was done before you try again";
        assert_eq!(
            problem.detail,
            format!("failed to change it: the RuleBook broke off: {why}. {end}")
        );
    }

    #[test]
    fn what_breaks_off_says_why_it_cannot_store() {
        let full = StorageFault::of("database or disk is full: SQLITE_FULL");
        let says = "its database cannot be read or written: database or disk is full: SQLITE_FULL";
        case(full.as_ref(), "storage", says);
        let says = "the runtime cannot write down when its alarm rings: the disk is full, or metadata.sqlite is not writable";
        case(Some(&StorageFault::Alarms), "storage", says);
        assert_eq!(StorageFault::of("internal error; reference = 5ae"), None);
        case(None, "unavailable", "the runtime's log says why");
    }

    #[test]
    fn what_the_platform_says_is_bounded() {
        let long = format!("SQLITE_FULL {}", "x".repeat(10_000));
        let Some(fault) = StorageFault::of(&long) else {
            panic!("it is SQLite's");
        };
        assert!(fault.sentence().len() < 1_000);
    }
}
