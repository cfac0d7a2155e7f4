//! Sessions of the dashboard that were ended before their time. They are signed values and not stored: what is over is.

use super::{RuleBookError, RuleBookStore, parameter, text};
use blobwatch_sql::{Row, Sql};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One row for each ended session or name, until the last session that it is about would be over anyhow.
pub(super) const ENDED_SESSIONS: &str = "CREATE TABLE ended_sessions (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    ended_s INTEGER NOT NULL,
    until_s INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID";

/// Sessions that are known to be ended one by one: 12 hours of sign-outs. Beyond that, all sessions of a name end with one. An
/// isolate that asks gets 40 bytes of each.
pub(crate) const MAX_ENDED: u64 = 1_000;

/// What ends: one session, or all that a name has opened so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    pub name: String,
    /// `None`: all of the name.
    pub session: Option<String>,
    /// When the last session that is open now would be over anyhow, in seconds since 1970.
    pub until_s: u64,
}

/// All that was ended and would hold otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedSessions {
    sessions: BTreeSet<String>,
    /// When all sessions of a name were ended, in seconds since 1970.
    names: BTreeMap<String, u64>,
}

impl EndedSessions {
    #[must_use]
    pub fn has(&self, session: &str, name: &str, opened_s: u64) -> bool {
        self.sessions.contains(session) || self.ended_s(name).is_some_and(|ended_s| opened_s <= ended_s)
    }

    /// When all sessions of a name were ended last.
    #[must_use]
    pub fn ended_s(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    fn take(&mut self, row: &Row) -> Result<(), RuleBookError> {
        let key = row.text(1, "ended_sessions.key")?.to_owned();
        match row.text(0, "ended_sessions.kind")? {
            NAME => {
                self.names.insert(key, row.integer(2, "ended_sessions.ended_s")?);
            }
            _ => {
                self.sessions.insert(key);
            }
        }
        Ok(())
    }
}

const NAME: &str = "name";
const SESSION: &str = "session";

impl<S: Sql> RuleBookStore<S> {
    /// Ends sessions; one that is over is forgotten.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn end_session(&self, end: &EndSession, now_ms: u64) -> Result<(), RuleBookError> {
        let now_s = now_ms / 1_000;
        self.sql.run(
            "DELETE FROM ended_sessions WHERE until_s <= ?1",
            &[parameter(now_s)],
        )?;
        let (kind, key) = match &end.session {
            Some(session) if self.ended_one_by_one()? < MAX_ENDED => (SESSION, session),
            _ => (NAME, &end.name),
        };
        self.sql.run(
            "INSERT INTO ended_sessions (kind, key, ended_s, until_s) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (kind, key) DO UPDATE SET ended_s = max(ended_s, ?3), until_s = max(until_s, ?4)",
            &[text(kind), text(key), parameter(now_s), parameter(end.until_s)],
        )?;
        Ok(())
    }

    /// What was ended and would hold otherwise.
    ///
    /// # Errors
    /// When SQLite refuses, or a row is not what was written.
    pub fn ended_sessions(&self, now_ms: u64) -> Result<EndedSessions, RuleBookError> {
        let rows = self.sql.run(
            "SELECT kind, key, ended_s FROM ended_sessions WHERE until_s > ?1",
            &[parameter(now_ms / 1_000)],
        )?;
        let mut ended = EndedSessions::default();
        for row in &rows {
            ended.take(row)?;
        }
        Ok(ended)
    }

    fn ended_one_by_one(&self) -> Result<u64, RuleBookError> {
        let rows = self.sql.run(
            "SELECT count(*) FROM ended_sessions WHERE kind = ?1",
            &[text(SESSION)],
        )?;
        match rows.first() {
            Some(row) => Ok(row.integer(0, "count of ended_sessions")?),
            None => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_rulebook::starter;
    use blobwatch_sql::Native;

    const NOW_S: u64 = 1_593_975_600;
    const UNTIL_S: u64 = NOW_S + 43_200;

    fn store() -> RuleBookStore<Native> {
        RuleBookStore::open(Native::in_memory().unwrap(), &starter().unwrap(), 1).unwrap()
    }

    fn end(store: &RuleBookStore<Native>, name: &str, session: Option<&str>, at_s: u64) {
        let end = EndSession {
            name: name.to_owned(),
            session: session.map(str::to_owned),
            until_s: at_s + 43_200,
        };
        store.end_session(&end, at_s * 1_000).unwrap();
    }

    #[test]
    fn one_session_ends_or_all_of_a_name() {
        let store = store();
        end(&store, "olga", Some("s1"), NOW_S);
        end(&store, "vic", None, NOW_S);
        let ended = store.ended_sessions(NOW_S * 1_000).unwrap();
        #[track_caller]
        fn case(ended: &EndedSessions, session: &str, name: &str, opened_s: u64, expected: bool) {
            assert_eq!(
                ended.has(session, name, opened_s),
                expected,
                "{session} {name} {opened_s}"
            );
        }
        case(&ended, "s1", "olga", NOW_S - 9, true);
        case(&ended, "s2", "olga", NOW_S - 9, false);
        case(&ended, "s3", "vic", NOW_S - 9, true);
        case(&ended, "s3", "vic", NOW_S, true);
        case(&ended, "s3", "vic", NOW_S + 1, false);
        // It outlives the object, and is not taken back by an earlier clock.
        let store = RuleBookStore::open(store.into_sql(), &starter().unwrap(), 1).unwrap();
        end(&store, "vic", None, NOW_S - 60);
        assert_eq!(store.ended_sessions(NOW_S * 1_000).unwrap(), ended);
    }

    #[test]
    fn what_would_be_over_anyhow_is_forgotten() {
        let store = store();
        end(&store, "olga", Some("s1"), NOW_S);
        end(&store, "vic", None, NOW_S);
        assert_eq!(
            store.ended_sessions(UNTIL_S * 1_000).unwrap(),
            EndedSessions::default()
        );
        end(&store, "olga", Some("s2"), UNTIL_S);
        assert_eq!(store.ended_one_by_one().unwrap(), 1);
    }

    #[test]
    fn many_sign_outs_end_all_sessions_of_their_name() {
        let store = store();
        for at in 0..=MAX_ENDED {
            end(&store, "olga", Some(&format!("s{at}")), NOW_S);
        }
        assert_eq!(store.ended_one_by_one().unwrap(), MAX_ENDED);
        let ended = store.ended_sessions(NOW_S * 1_000).unwrap();
        assert!(ended.has("s0", "olga", NOW_S) && ended.has(&format!("s{MAX_ENDED}"), "olga", NOW_S));
        assert!(ended.has("another", "olga", NOW_S) && !ended.has("another", "vic", NOW_S));
    }
}
