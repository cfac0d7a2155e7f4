//! Regular expressions: compiled once to a deterministic automaton of bounded size (`automaton` runs it).
//!
//! Bytes, not Unicode, as in wirefilter: `.` is one byte, `\w` and `(?i)` are ASCII.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

use super::automaton::Automaton;
use super::limits::{MAX_REGEX_BYTES, MAX_REGEX_NESTING};

/// A compiled regular expression. Equal if the text is.
#[derive(Clone)]
pub(super) struct Pattern {
    text: Arc<str>,
    automaton: Arc<Automaton>,
}

/// Why a pattern was refused: what would have been expected instead.
pub(super) struct PatternError(pub(super) String);

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        let tree = ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .nest_limit(MAX_REGEX_NESTING)
            .build()
            .parse(text)
            .map_err(|error| PatternError(describe(&error)))?;
        let nfa = thompson::Compiler::new()
            .configure(nfa_config())
            .build_from_hir(&tree)
            .map_err(too_large)?;
        let automaton = dense::Builder::new()
            .configure(dense_config())
            .build_from_nfa(&nfa)
            .map_err(too_large)?;
        Ok(Self {
            text: text.into(),
            automaton: Arc::new(Automaton::new(prefix(&tree), tail(&tree), automaton)),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn automaton(&self) -> &Arc<Automaton> {
        &self.automaton
    }

    pub(super) fn is_match(&self, value: &[u8]) -> bool {
        self.automaton.is_match(value)
    }
}

fn prefix(tree: &Hir) -> Option<&[u8]> {
    match tree.kind() {
        HirKind::Literal(literal) => Some(&literal.0),
        HirKind::Concat(parts) => parts.first().and_then(prefix),
        HirKind::Capture(capture) => prefix(&capture.sub),
        _ => None,
    }
}

/// Bytes of the longest match, where all end with the value.
fn tail(tree: &Hir) -> Option<usize> {
    let properties = tree.properties();
    let is_at_end = properties.look_set_suffix().contains(Look::End);
    properties.maximum_len().filter(|_| is_at_end)
}

/// Only whether there is a match is asked, so any match will do and only unanchored starts are built.
fn dense_config() -> dense::Config {
    dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(MAX_REGEX_BYTES))
        .determinize_size_limit(Some(8 * MAX_REGEX_BYTES))
}

fn nfa_config() -> thompson::Config {
    thompson::Config::new()
        .utf8(false)
        .shrink(false)
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(MAX_REGEX_BYTES))
}

/// Both builders fail on their limits only: the syntax was accepted before.
fn too_large<E>(_: E) -> PatternError {
    PatternError(format!(
        "a simpler regular expression (compiled, it takes more than {MAX_REGEX_BYTES} bytes)"
    ))
}

fn describe(error: &regex_syntax::Error) -> String {
    let cause = match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "not understood".to_owned(),
    };
    format!("a regular expression ({cause})")
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}
