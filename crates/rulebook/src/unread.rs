//! Everything of a body that cannot be read, where serde stops at the first fault.
//!
//! What it stops at is taken out, or made into something that it takes, and the rest is read again: as often as there are
//! faults, within bounds. In scope: faults of form. What the rest says is looked at by whoever knows its type, so that faults of
//! form and of content are told together. Not in scope: text that is no JSON, which has one fault.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::json_path::{Key, place};
use super::read::{Fault, read};
use super::validate::MAX_PLACES;
use blobwatch_wire::{Place, Problem};

/// Bytes that are read again and again for one body: some 100 ms.
const MAX_READ: usize = 8_000_000;

/// A body that cannot be read as a whole.
#[derive(Debug)]
pub struct Unread<T> {
    /// Each place, in the order in which they were found.
    pub faults: Vec<Place>,
    /// What the body says where all of that is left out; `None` where it is too little.
    pub rest: Option<T>,
    /// Places that are not as the body has them.
    mended: Vec<String>,
}

/// Reads JSON into `T`, as [`strict`](super::strict) does.
///
/// # Errors
/// All places that cannot be read.
pub fn strict_all<T: DeserializeOwned>(text: &str, root: &str) -> Result<T, Unread<T>> {
    let first = match read::<T>(text) {
        Ok(value) => return Ok(value),
        Err(fault) => fault,
    };
    let mut rest = None;
    let mut attempt = |text: &str| read::<T>(text).map(|value| rest = Some(value));
    let (faults, mended) = Mending::of(text, &mut attempt).all(first);
    Err(Unread {
        faults: faults.into_iter().map(|fault| fault.place(root)).collect(),
        rest,
        mended: mended.iter().map(|keys| place(root, keys)).collect(),
    })
}

impl<T> Unread<T> {
    /// 400 with all places. `look` says what else is wrong with the rest; what it says of a place that was mended is no fault of the
    /// body.
    pub fn refuse(self, look: impl FnOnce(T) -> Option<Problem>) -> Problem {
        let Self {
            mut faults,
            rest,
            mended,
        } = self;
        let found = rest
            .and_then(look)
            .filter(|problem| matches!(problem.status, 400 | 422));
        let is_of_body = |place: &Place| !mended.iter().any(|mended| is_within(&place.place, mended));
        let others = found.into_iter().flat_map(|problem| problem.errors);
        faults.extend(others.filter(is_of_body));
        Problem::unreadable(faults)
    }
}

impl<T> From<Unread<T>> for Problem {
    fn from(unread: Unread<T>) -> Self {
        Self::unreadable(unread.faults)
    }
}

/// Whether a place is another one, or in it.
fn is_within(place: &str, other: &str) -> bool {
    let rest = place.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

struct Mending<'a> {
    /// The body, as far as it is mended.
    value: Value,
    read: &'a mut dyn FnMut(&str) -> Result<(), Fault>,
    /// Bytes that may still be read.
    left: usize,
    faults: Vec<Fault>,
    mended: Vec<Vec<Key>>,
    /// Objects that stand in for what was no object.
    made: Vec<Vec<Key>>,
}

/// What came of a change.
enum Then {
    Whole,
    Next(Fault),
    /// It cannot be read whatever stands there.
    Stuck,
}

impl<'a> Mending<'a> {
    fn of(text: &str, read: &'a mut dyn FnMut(&str) -> Result<(), Fault>) -> Self {
        Self {
            // A key that comes twice is there once from here on.
            value: serde_json::from_str(text).unwrap_or_default(),
            read,
            left: MAX_READ,
            faults: Vec::new(),
            mended: Vec::new(),
            made: Vec::new(),
        }
    }

    fn all(mut self, first: Fault) -> (Vec<Fault>, Vec<Vec<Key>>) {
        let mut next = first;
        loop {
            if !self.is_of_ours(&next) {
                self.faults.push(next.clone());
            }
            let then = if next.is_of_a_value {
                self.mend(&next)
            } else {
                Then::Stuck
            };
            match then {
                Then::Next(fault) if self.faults.len() < MAX_PLACES => next = fault,
                _ => return (self.faults, self.mended),
            }
        }
    }

    /// That a part is missing which was taken out, or of an object that we made, is no fault of the body.
    fn is_of_ours(&self, fault: &Fault) -> bool {
        is_missing(fault)
            && (self.mended.contains(&target(fault))
                || self.made.iter().any(|made| fault.keys.starts_with(made)))
    }

    /// Tries what may stand at a fault until the reader goes on.
    fn mend(&mut self, fault: &Fault) -> Then {
        let target = target(fault);
        self.mended.push(target.clone());
        if fault.said.starts_with("duplicate field") {
            return self.attempt();
        }
        let mut candidates = candidates(fault, &target);
        let mut words = Vec::new();
        while let Some(candidate) = candidates.pop() {
            let is_object = matches!(candidate, Some(Value::Object(_)));
            if !put(&mut self.value, &target, candidate) {
                return Then::Stuck;
            }
            match self.attempt() {
                Then::Next(next) if is_object && is_missing(&next) && next.keys == target => {
                    self.made.push(target);
                    return Then::Next(next);
                }
                Then::Next(next) if is_at(&next, &target) => {
                    if let Some(word) = last_word(&next).filter(|word| !words.contains(word)) {
                        words.push(word.clone());
                        candidates.push(Some(word));
                    }
                }
                then => return then,
            }
        }
        Then::Stuck
    }

    fn attempt(&mut self) -> Then {
        let text = self.value.to_string();
        let Some(left) = self.left.checked_sub(text.len()) else {
            return Then::Stuck;
        };
        self.left = left;
        match (self.read)(&text) {
            Ok(()) => Then::Whole,
            Err(fault) => Then::Next(fault),
        }
    }
}

/// What may stand there, the last first: nothing, then the strictest of the words that are expected, then a value of each form.
fn candidates(fault: &Fault, target: &[Key]) -> Vec<Option<Value>> {
    let forms = [
        Value::Object(Map::new()),
        Value::Array(Vec::new()),
        Value::Bool(false),
        Value::from(0),
        Value::from(""),
        Value::Null,
    ];
    if fault.said.starts_with("unknown field") {
        return vec![None];
    }
    let mut candidates: Vec<Option<Value>> = forms.into_iter().map(Some).collect();
    candidates.extend(last_word(fault).map(Some));
    if matches!(target.last(), Some(Key::Name(_))) && !is_missing(fault) {
        candidates.push(None);
    }
    candidates
}

/// The last of the words that a choice takes.
fn last_word(fault: &Fault) -> Option<Value> {
    if fault.said.starts_with("unknown field") || is_missing(fault) {
        return None;
    }
    let (_, expected) = fault.said.rsplit_once(", expected ")?;
    let word = match expected.rsplit('`').nth(1) {
        Some(word) => word,
        None => expected.strip_prefix("one of ")?.rsplit(", ").next()?,
    };
    let word = word.split(" at line ").next()?;
    Some(Value::from(word))
}

fn missing(fault: &Fault) -> Option<&str> {
    let rest = fault.said.strip_prefix("missing field `")?;
    rest.split('`').next()
}

fn is_missing(fault: &Fault) -> bool {
    missing(fault).is_some()
}

/// What is to be mended: the value, or the part that it lacks.
fn target(fault: &Fault) -> Vec<Key> {
    let lacks = missing(fault).map(|name| Key::Name(name.to_owned()));
    fault.keys.iter().cloned().chain(lacks).collect()
}

fn is_at(fault: &Fault, target: &[Key]) -> bool {
    self::target(fault).starts_with(target)
}

/// Puts a value in place of another, or takes that out; `false` where there is no such place.
fn put(value: &mut Value, target: &[Key], new: Option<Value>) -> bool {
    let Some((last, above)) = target.split_last() else {
        return false;
    };
    let found = above.iter().try_fold(value, |value, key| match key {
        Key::Name(name) => value.get_mut(unescaped(name)),
        Key::Index(index) => value.get_mut(*index),
    });
    match (found, last, new) {
        (Some(Value::Object(fields)), Key::Name(name), Some(new)) => {
            fields.insert(unescaped(name), new);
            true
        }
        (Some(Value::Object(fields)), Key::Name(name), None) => {
            fields.remove(&unescaped(name));
            true
        }
        (Some(Value::Array(items)), Key::Index(index), Some(new)) => {
            let slot = items.get_mut(*index);
            slot.map(|slot| *slot = new).is_some()
        }
        _ => false,
    }
}

fn unescaped(name: &str) -> String {
    let text = serde_json::from_str(&format!("\"{name}\""));
    text.unwrap_or_else(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use blobwatch_wire::{Place, Problem};
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::strict_all;
    use crate::{Route, Rulebook, Settings};

    #[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Off,
        On,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        word: Word,
        text: String,
        count: Option<u32>,
        #[serde(default)]
        words: Vec<Word>,
        inner: Option<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        clients: u8,
        networks: u8,
    }

    #[track_caller]
    fn case<T: DeserializeOwned + std::fmt::Debug>(text: &str, mut expected: Vec<&str>) -> Option<T> {
        let unread = strict_all::<T>(text, "body").unwrap_err();
        let mut places: Vec<&str> = unread.faults.iter().map(|fault| fault.place.as_str()).collect();
        places.sort_unstable();
        expected.sort_unstable();
        assert_eq!(places, expected, "{:#?}", unread.faults);
        unread.rest
    }

    #[test]
    fn all_faults_of_a_body_are_told_at_once() {
        let rest = case::<Form>(
            r#"{"word":"maybe","text":5,"count":-1,"new":[{}],"words":["on","of","off",7],"inner":{"clients":300}}"#,
            vec![
                "body.word",
                "body.text",
                "body.count",
                "body.new",
                "body.words[1]",
                "body.words[3]",
                "body.inner.clients",
                "body.inner",
            ],
        );
        let rest = rest.unwrap();
        assert_eq!((rest.word, rest.text.as_str(), rest.count), (Word::On, "", None));
        assert_eq!(rest.words, [Word::On, Word::On, Word::Off, Word::On]);
        case::<Form>("{}", vec!["body", "body"]);
        case::<Form>(
            r#"{"text":"a","text":"b","word":"x"}"#,
            vec!["body.text", "body.word"],
        );
        case::<Vec<Form>>(
            r#"[{"word":1,"text":"a"},{"word":"on"}]"#,
            vec!["body[0].word", "body[1]"],
        );
    }

    #[test]
    fn what_has_one_fault_has_one() {
        for text in ["", "nothing", "{\"word\":", "[]", "5", "null"] {
            case::<Form>(text, vec!["body"]);
        }
        let rest = case::<Route>(
            r#"{"name":"a","redirects":"maybe","host":"A"}"#,
            vec!["body.redirects"],
        );
        assert_eq!(rest.unwrap().host.as_deref(), Some("A"));
        case::<Form>(r#"{"word":"on","text":"x","inner":5}"#, vec!["body.inner"]);
        let settings = r#"{"fire_logs":{"FRA":1},"anomaly_breadth":7,"retention_hours":"x"}"#;
        case::<Settings>(settings, vec!["body.anomaly_breadth", "body.retention_hours"]);
        let rules = r#"{"schema":1,"revision":1,"routes":[],"rules":[5,{"id":"a","version":1,"action":"tagg","expression":"ssl"}],"modes":[]}"#;
        case::<Rulebook>(rules, vec!["body.rules[0]", "body.rules[1].action"]);
        case::<Settings>(
            r#"{"fire_logs":{"F.A\u0041":"x","IAD":2}}"#,
            vec!["body.fire_logs.F.A\\u0041"],
        );
    }

    #[test]
    fn what_stands_in_for_a_fault_is_not_told_of() {
        let text = r#"{"word":"maybe","text":"x","inner":{"clients":"a","networks":0}}"#;
        let unread = strict_all::<Form>(text, "body").unwrap_err();
        let problem = unread.refuse(|rest| {
            assert_eq!(rest.inner.map(|inner| inner.networks), Some(0));
            let places = [
                "body.word",
                "body.inner.clients",
                "body.inner.networks",
                "body.text",
            ];
            Some(Problem::invalid(
                places.map(|place| Place::new(place, "wrong")).to_vec(),
            ))
        });
        let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
        assert_eq!(
            (problem.status, places),
            (
                400,
                vec![
                    "body.word",
                    "body.inner.clients",
                    "body.inner.networks",
                    "body.text"
                ]
            )
        );
    }

    #[test]
    fn however_many_faults_there_are_the_answer_is_bounded() {
        let many = format!("{{\"rules\":[{}]}}", vec!["5"; 5_000].join(","));
        let unread = strict_all::<Rulebook>(&many, "body").unwrap_err();
        assert!((1..=50).contains(&unread.faults.len()), "{}", unread.faults.len());
        let deep = "[".repeat(10_000);
        assert_eq!(strict_all::<Rulebook>(&deep, "body").unwrap_err().faults.len(), 1);
    }

    #[test]
    fn any_text_is_read_or_refused_with_places() {
        let whole = r#"{"word":"on","text":"x","count":7,"words":["on"],"inner":{"clients":1,"networks":2}}"#;
        bolero::check!()
            .with_type::<(usize, usize, String)>()
            .for_each(|(from, length, with)| {
                let from = from % whole.len();
                let until = (from + length % 32).min(whole.len());
                let text = format!("{}{with}{}", &whole[..from], &whole[until..]);
                if let Err(unread) = strict_all::<Form>(&text, "body") {
                    assert!(!unread.faults.is_empty());
                    assert!(unread.faults.iter().all(|fault| fault.place.starts_with("body")));
                }
            });
    }
}
