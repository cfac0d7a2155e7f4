//! Parameters of a query, and lists a page at a time.

use std::borrow::Cow;

use serde::Serialize;

use crate::did_you_mean;
use crate::problem::{Place, Problem};

/// Items of one page.
pub const MAX_LIMIT: usize = 1_000;

/// Items of a page when the call does not say.
const DEFAULT_LIMIT: usize = 100;

/// A list, a page of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "{T}List")
)]
pub struct List<T> {
    pub items: Vec<T>,
    /// For the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// The parameters of one call, each known and there once.
#[derive(Debug, Clone)]
pub struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// # Errors
    /// 400 for a parameter that is not in `known`, or is there twice.
    pub fn parse(query: &'a str, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |message: String| {
                Err(Problem::bad_parameter(Place::new(
                    format!("query.{name}"),
                    message,
                )))
            };
            if !known.contains(&&*name) {
                return wrong(unknown(&name, known));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return wrong(repeated());
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }
}

pub(crate) fn repeated() -> String {
    "expected once, found several times".to_owned()
}

pub(crate) fn unknown(name: &str, known: &[&str]) -> String {
    let meant = did_you_mean(name, known.iter().copied());
    match known {
        [] => "this call takes no parameters".to_owned(),
        [only] => format!("unknown parameter{meant}; expected {only}"),
        _ => format!("unknown parameter{meant}; expected one of {}", known.join(", ")),
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub limit: usize,
    /// Key of the last item of the page before.
    pub after: Option<String>,
}

impl Page {
    /// Reads `cursor` and `limit`.
    ///
    /// # Errors
    /// 400 for anything else, and for a limit outside 1 to [`MAX_LIMIT`].
    pub fn parse(query: &str) -> Result<Self, Problem> {
        Self::read(&Parameters::parse(query, &["cursor", "limit"])?)
    }

    /// The same, of a call that takes other parameters too.
    ///
    /// # Errors
    /// 400 for a limit outside 1 to [`MAX_LIMIT`].
    pub fn read(parameters: &Parameters<'_>) -> Result<Self, Problem> {
        let limit = match parameters.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => limit(text)?,
        };
        let after = parameters.get("cursor").map(str::to_owned);
        Ok(Self { limit, after })
    }

    /// The page of a list whose items have unique keys.
    ///
    /// # Errors
    /// 400 when the item of the cursor is no longer there.
    pub fn of<T>(&self, items: Vec<T>, key: impl Fn(&T) -> &str) -> Result<List<T>, Problem> {
        let start = match &self.after {
            None => 0,
            Some(after) => {
                1 + items
                    .iter()
                    .position(|item| key(item) == after)
                    .ok_or_else(bad_cursor)?
            }
        };
        let more = items.len() > start.saturating_add(self.limit);
        let items: Vec<T> = items.into_iter().skip(start).take(self.limit).collect();
        let next_cursor = items.last().filter(|_| more).map(|item| key(item).to_owned());
        Ok(List { items, next_cursor })
    }

    /// The page of a list whose keys stand beside its items.
    ///
    /// # Errors
    /// 400 when the item of the cursor is no longer there.
    pub fn keyed<T>(&self, items: Vec<(String, T)>) -> Result<List<T>, Problem> {
        let List { items, next_cursor } = self.of(items, |(key, _)| key.as_str())?;
        Ok(List {
            items: items.into_iter().map(|(_, item)| item).collect(),
            next_cursor,
        })
    }
}

fn limit(text: &str) -> Result<usize, Problem> {
    let number = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    number.ok_or_else(|| {
        let message = format!("expected a number from 1 to {MAX_LIMIT}, found {text:?}");
        Problem::bad_parameter(Place::new("query.limit", message))
    })
}

pub fn bad_cursor() -> Problem {
    let message =
        "expected the next_cursor of an earlier answer; its item may be gone: start without a cursor";
    Problem::bad_parameter(Place::new("query.cursor", message))
}

#[cfg(test)]
mod tests {
    use super::{Page, Parameters};
    use crate::{parse_rfc3339, parse_time, rfc3339};

    #[test]
    fn any_query_is_read_or_refused_with_its_place() {
        bolero::check!().with_type::<String>().for_each(|query| {
            for read in [
                Parameters::parse(query, &["a", "limit"]).map(drop),
                Page::parse(query).map(drop),
            ] {
                if let Err(problem) = read {
                    assert_eq!(problem.status, 400);
                    assert!(
                        problem
                            .errors
                            .iter()
                            .all(|error| error.place.starts_with("query."))
                    );
                }
            }
        });
    }

    #[test]
    fn any_time_is_read_or_refused() {
        bolero::check!().with_type::<String>().for_each(|text| {
            let _ = parse_time(text, u64::MAX);
            if let Some(time_ms) = parse_rfc3339(text) {
                assert_eq!(parse_rfc3339(&rfc3339(time_ms)), Some(time_ms));
            }
        });
    }
}
