//! From JSON text to a document that holds together, or to every reason why not.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::document::{Rulebook, SCHEMA};
use super::exact::Exact;
use super::json_path::{Key, keys_at, place};
use super::json_words::in_words;
use super::validate::faults;
use blobwatch_wire::Place;

/// Bytes of a whole document: 1,000 rules of 700 bytes and their modes, in half of what one SQLite row may hold.
pub const MAX_DOCUMENT: usize = 1_000_000;

/// Why a document is not used; fits "failed to read the rulebook: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentError {
    TooLarge {
        bytes: usize,
    },
    /// Written by a newer build: the reader keeps what it has.
    NewerSchema {
        found: u32,
    },
    /// Everything that is wrong with it, at most `MAX_PLACES`.
    Invalid(Vec<Place>),
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(f, "expected at most {MAX_DOCUMENT} bytes, found {bytes}"),
            Self::NewerSchema { found } => {
                write!(
                    f,
                    "schema {found} is newer than {SCHEMA}, the newest that this build reads"
                )
            }
            Self::Invalid(places) => {
                for (at, place) in places.iter().enumerate() {
                    let separator = if at == 0 { "" } else { "; " };
                    write!(f, "{separator}{}: {}", place.place, place.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DocumentError {}

/// The one field that every schema has.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug))]
struct Versioned {
    schema: u32,
}

impl Rulebook {
    /// Reads a document and checks all of it but its expressions; [`super::Compiled`] reads those.
    ///
    /// # Errors
    /// Too large, of a newer schema, or everything that is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        let book = shape(text)?;
        let faults = faults(&book);
        if faults.is_empty() {
            Ok(book)
        } else {
            Err(DocumentError::Invalid(faults))
        }
    }
}

/// Reads the JSON form only.
pub(super) fn shape(text: &str) -> Result<Rulebook, DocumentError> {
    if text.len() > MAX_DOCUMENT {
        return Err(DocumentError::TooLarge { bytes: text.len() });
    }
    let invalid = |place| DocumentError::Invalid(vec![place]);
    // Read apart from the rest: a newer schema may have fields that the strict reading would call wrong.
    let schema = strict::<Versioned>(text, "rulebook").map_err(invalid)?.schema;
    if schema > SCHEMA {
        return Err(DocumentError::NewerSchema { found: schema });
    }
    strict(text, "rulebook").map_err(invalid)
}

/// Reads JSON into `T`, exactly: no list stands for an object; the fault is at `root`, or at a field of it (`root.volume.seconds`).
///
/// # Errors
/// The first place that cannot be read, and what was expected there.
pub fn strict<T: DeserializeOwned>(text: &str, root: &str) -> Result<T, Place> {
    read(text).map_err(|fault| fault.place(root))
}

/// Why a text is not read, and where its reader stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// To the value; empty for the whole.
    pub(super) keys: Vec<Key>,
    /// For a person.
    pub(super) message: String,
    /// In the words of serde.
    pub(super) said: String,
    offset: usize,
    /// Whether it is JSON, and something in it has another form.
    pub(super) is_of_a_value: bool,
}

impl Fault {
    fn of(text: &str, error: &serde_json::Error) -> Self {
        let end = error_offset(text, error);
        // Text that is no JSON is wrong as a whole; only a value of another form is at a path.
        let is_of_a_value = error.is_data();
        Self {
            keys: if is_of_a_value {
                keys_at(text, end)
            } else {
                Vec::new()
            },
            message: in_words(error),
            said: error.to_string(),
            offset: end.saturating_sub(1),
            is_of_a_value,
        }
    }

    pub(super) fn place(self, root: &str) -> Place {
        Place {
            offset: Some(self.offset),
            ..Place::new(place(root, &self.keys), self.message)
        }
    }
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = T::deserialize(Exact(&mut json));
    read.and_then(|value| json.end().map(|()| value))
        .map_err(|error| Fault::of(text, &error))
}

/// Bytes of the text that were read when the error came up.
fn error_offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    (before + error.column()).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    const EMPTY: &str = r#"{"schema":1,"revision":3,"routes":[{"name":"default"}],"rules":[],"modes":[]}"#;

    #[test]
    fn what_is_left_out_is_the_default() {
        let book = Rulebook::from_json(EMPTY).unwrap();
        assert_eq!((book.revision, &book.settings), (3, &Settings::default()));
        assert_eq!(book.routes, [crate::Route::named("default")]);
    }

    #[test]
    fn a_document_reads_back_as_it_was_written() {
        let book = Rulebook::from_json(EMPTY).unwrap();
        let text = serde_json::to_string(&book).unwrap();
        assert_eq!(Rulebook::from_json(&text).unwrap(), book);
    }

    #[test]
    fn a_newer_schema_is_told_apart_from_a_broken_document() {
        let newer = EMPTY.replace("\"schema\":1", "\"schema\":8,\"invented\":[]");
        assert_eq!(
            Rulebook::from_json(&newer).unwrap_err(),
            DocumentError::NewerSchema { found: 8 }
        );
    }

    #[test]
    fn an_oversized_document_is_not_parsed() {
        let text = " ".repeat(MAX_DOCUMENT + 1);
        assert_eq!(
            Rulebook::from_json(&text).unwrap_err(),
            DocumentError::TooLarge {
                bytes: MAX_DOCUMENT + 1
            }
        );
    }

    #[track_caller]
    fn case(change: (&str, &str), place: &str, message: &str) {
        let text = EMPTY.replace(change.0, change.1);
        assert_ne!(text, EMPTY);
        let Err(DocumentError::Invalid(places)) = Rulebook::from_json(&text) else {
            panic!("expected places for {text}");
        };
        let found = places
            .iter()
            .any(|p| p.place == place && p.message.contains(message));
        assert!(found, "{places:#?}");
    }

    #[test]
    fn json_that_has_another_form_names_the_field() {
        case(
            ("\"revision\":3", "\"revision\":\"3\""),
            "rulebook.revision",
            "expected a whole number, 0 or more, found \"3\"",
        );
        case(
            ("\"revision\":3", "\"revison\":3"),
            "rulebook.revison",
            "unknown field `revison`",
        );
        case(
            (
                "\"modes\":[]",
                "\"modes\":[{\"rule\":\"a\",\"route\":\"b\",\"mode\":\"on\"}]",
            ),
            "rulebook.modes[0].mode",
            "expected one of `off`, `monitor`, `enforce`, found `on`",
        );
        case(("]}", "]"), "rulebook", "expected JSON, found its beginning only");
        case(
            ("]}", "]} x"),
            "rulebook",
            "expected JSON; line 1, column 79: expected nothing after its end",
        );
    }

    #[test]
    fn an_offset_points_into_the_text() {
        let error = strict::<Versioned>("{\n  \"schema\": true\n}", "rulebook").unwrap_err();
        assert_eq!(error.place, "rulebook.schema");
        assert_eq!(error.offset, Some("{\n  \"schema\": tru".len()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(cut in 0_usize..8_000, with in ".{0,8}", skip in 0_usize..20) {
            let whole = crate::STARTER;
            let cut = (0..=cut.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
            let (before, after) = whole.split_at(cut);
            let after: String = after.chars().skip(skip).collect();
            if let Ok(compiled) = crate::Compiled::from_json(&format!("{before}{with}{after}")) {
                let text = serde_json::to_string(&compiled.book).unwrap();
                assert!(Rulebook::from_json(&text).is_ok_and(|again| again == compiled.book));
            }
        }
    }
}
