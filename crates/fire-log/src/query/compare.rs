//! What a comparison asks for: a selection of requests, and those that it is held against.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::filter::{Filter, Kind};
use super::parameters::SummaryQuery;
use super::summary::Dimension;
use crate::KIND;
use blobwatch_rulebook::strict_all;
use blobwatch_wire::{Place, Problem, rfc3339};

/// What requests are told apart by. Attributes of one table may explain a selection together.
pub(crate) const TABLES: [&[Dimension]; 7] = [
    &[
        Dimension::Route,
        Dimension::Colo,
        Dimension::Country,
        Dimension::Asn,
        Dimension::Family,
        Dimension::Os,
        Dimension::Fingerprint,
    ],
    &[
        Dimension::Status,
        Dimension::Range,
        Dimension::Verdict,
        Dimension::Cache,
    ],
    &[Dimension::Version, Dimension::Protocol, Dimension::IpVersion],
    &[
        Dimension::Cloud,
        Dimension::CloudRegion,
        Dimension::ServedBy,
        Dimension::SentTo,
    ],
    &[Dimension::Repository, Dimension::Size],
    &[Dimension::Digest],
    &[Dimension::Rule],
];

/// Since when, unless the body says so.
const DEFAULT_SINCE: &str = "-1h";

/// Names of filters in one body.
const MAX_FILTERS: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct CompareBody {
    /// Whether the selection has only requests that a rule fired on.
    #[serde(default)]
    of: Of,
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    filters: BTreeMap<String, Vec<String>>,
    within: Option<Within>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparedRecords")
)]
enum Of {
    #[default]
    Requests,
    Fires,
}

impl Of {
    const fn kind(self) -> Kind {
        match self {
            Self::Requests => Kind::Requests,
            Self::Fires => Kind::Fires,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparedWithin")
)]
struct Within {
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    filters: BTreeMap<String, Vec<String>>,
}

/// `POST compare`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareQuery {
    /// Filters of the selection, with times that mean the same everywhere.
    pub(crate) selection: Vec<(String, String)>,
    /// Those of everything that it is part of.
    pub(crate) within: Vec<(String, String)>,
    /// What only the selection's own filters name: it differs in these by choice.
    pub(crate) chosen: Vec<Dimension>,
}

impl CompareQuery {
    /// Reads the body of the call.
    ///
    /// # Errors
    /// 400 for what cannot be read, with its place; 422 for a selection that is not within the rest.
    pub fn parse(body: &str, now_ms: u64) -> Result<Self, Problem> {
        match strict_all(body, "body") {
            Ok(body) => Self::of(body, now_ms),
            Err(unread) => Err(unread.refuse(|rest| Self::of(rest, now_ms).err())),
        }
    }

    fn of(body: CompareBody, now_ms: u64) -> Result<Self, Problem> {
        let (since, until) = (body.since.unwrap_or_else(|| DEFAULT_SINCE.to_owned()), body.until);
        let within = body.within.unwrap_or(Within {
            since: None,
            until: None,
            filters: BTreeMap::new(),
        });
        // What is wrong with the selection itself is said first, and at its own place.
        let own = body.filters.clone();
        read(
            "body",
            body.of.kind(),
            (since.clone(), until.clone()),
            own,
            now_ms,
        )?;
        let all_since = within.since.unwrap_or_else(|| since.clone());
        let all_until = within.until.or_else(|| until.clone());
        let of_all = within.filters.clone();
        let all = read(
            "body.within",
            Kind::Requests,
            (all_since, all_until),
            of_all,
            now_ms,
        )?;
        let mut filters = within.filters;
        let own = |name: &str| name.trim_end_matches('!').to_owned();
        filters.retain(|name, _| !body.filters.keys().any(|chosen| own(chosen) == own(name)));
        let chosen = body.filters.keys().map(|name| own(name));
        let mut chosen: Vec<Dimension> = chosen.filter_map(|name| Dimension::of(&name)).collect();
        if body.of == Of::Fires && !chosen.contains(&Dimension::Rule) {
            chosen.push(Dimension::Rule);
        }
        filters.extend(body.filters);
        let selection = read("body", body.of.kind(), (since, until), filters, now_ms)?;
        check_within(&selection.1, &all.1)?;
        Ok(Self {
            selection: selection.0,
            within: all.0,
            chosen,
        })
    }

    /// The filter of decoded pairs, on the side of a FireLog.
    ///
    /// # Errors
    /// 400 for what no [`CompareQuery`] writes.
    pub fn filter(pairs: &[(String, String)], now_ms: u64) -> Result<Filter, Problem> {
        let (of, filters): (Vec<_>, Vec<_>) = pairs.iter().cloned().partition(|(name, _)| name == KIND);
        let kind = of.first().map_or(Kind::Requests, |(_, of)| Kind::of_name(of));
        let by = ("by".to_owned(), Dimension::Route.name().to_owned());
        let pairs: Vec<_> = filters.into_iter().chain([by]).collect();
        Ok(SummaryQuery::parse(kind, &pairs, now_ms)?.filter)
    }

    /// The lists of names that a FireLog counts by.
    #[must_use]
    pub const fn tables() -> &'static [&'static [Dimension]] {
        &TABLES
    }
}

/// The pairs of filters, and the filter that they make.
fn read(
    place: &str,
    kind: Kind,
    (since, until): (String, Option<String>),
    filters: BTreeMap<String, Vec<String>>,
    now_ms: u64,
) -> Result<(Vec<(String, String)>, Filter), Problem> {
    if filters.len() > MAX_FILTERS {
        let message = format!("expected at most {MAX_FILTERS} filters");
        return Err(Problem::bad_parameter(Place::new(
            format!("{place}.filters"),
            message,
        )));
    }
    let mut pairs = vec![
        (KIND.to_owned(), kind.name().to_owned()),
        ("since".to_owned(), since),
    ];
    pairs.extend(until.map(|until| ("until".to_owned(), until)));
    for (name, values) in filters {
        if matches!(
            name.trim_end_matches('!'),
            "since" | "until" | "by" | "limit" | KIND
        ) {
            let message = "expected a filter of records; times stand beside `filters`";
            return Err(Problem::bad_parameter(Place::new(
                format!("{place}.filters.{name}"),
                message,
            )));
        }
        pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    let filter = CompareQuery::filter(&pairs, now_ms).map_err(|problem| at(place, problem))?;
    for (name, value) in &mut pairs {
        let at_ms = match name.as_str() {
            "since" => filter.since_ms,
            "until" => filter.until_ms,
            _ => None,
        };
        if let Some(at_ms) = at_ms {
            *value = rfc3339(at_ms);
        }
    }
    Ok((pairs, filter))
}

/// The problem of a query's parameter, where the body has it.
fn at(place: &str, mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        let name = error.place.trim_start_matches("query.");
        error.place = match name {
            "since" | "until" => format!("{place}.{name}"),
            _ => format!("{place}.filters.{name}"),
        };
    }
    Problem::unreadable(problem.errors)
}

fn check_within(selection: &Filter, all: &Filter) -> Result<(), Problem> {
    let begins = all.since_ms <= selection.since_ms;
    let ends = all
        .until_ms
        .is_none_or(|all| selection.until_ms.is_some_and(|until| until <= all));
    let (place, what) = match (begins, ends) {
        (true, true) => return Ok(()),
        (false, _) => ("body.within.since", "at or before the selection's since"),
        (true, false) => ("body.within.until", "at or after the selection's until"),
    };
    let message = format!("expected a time {what}: the selection is part of it");
    Err(Problem::invalid(vec![Place::new(place, message)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: u64 = 1_593_975_600_000;

    fn parsed(body: &Value) -> Result<CompareQuery, Problem> {
        CompareQuery::parse(&body.to_string(), NOW)
    }

    #[test]
    fn a_selection_is_held_against_what_it_is_part_of() {
        #[track_caller]
        fn case(body: &Value, selection: &str, within: &str, chosen: &[Dimension]) {
            let query = parsed(body).unwrap();
            let text = |pairs: &[(String, String)]| {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                pairs.join(" ")
            };
            assert_eq!(text(&query.selection), selection);
            assert_eq!(text(&query.within), within);
            assert_eq!(query.chosen, chosen);
        }
        let hour = "of=requests since=2020-07-05T18:00:00.000Z";
        case(&json!({}), hour, hour, &[]);
        case(
            &json!({"since": "-30m", "until": "-15m", "filters": {"status": ["5xx"], "colo!": ["IAD", "FRA"]}}),
            "of=requests since=2020-07-05T18:30:00.000Z until=2020-07-05T18:45:00.000Z colo!=IAD colo!=FRA status=5xx",
            "of=requests since=2020-07-05T18:30:00.000Z until=2020-07-05T18:45:00.000Z",
            &[Dimension::Colo, Dimension::Status],
        );
        case(
            &json!({"since": "-15m", "filters": {"os": ["amzn2"]},
                    "within": {"since": "-1h", "filters": {"route": ["hub"], "os!": [""]}}}),
            "of=requests since=2020-07-05T18:45:00.000Z os=amzn2 route=hub",
            "of=requests since=2020-07-05T18:00:00.000Z os!= route=hub",
            &[Dimension::Os],
        );
        case(
            &json!({"of": "fires"}),
            "of=fires since=2020-07-05T18:00:00.000Z",
            hour,
            &[Dimension::Rule],
        );
    }

    #[test]
    fn what_cannot_be_compared_is_refused_with_its_place() {
        #[track_caller]
        fn case(body: &Value, status: u16, place: &str) {
            let problem = parsed(body).unwrap_err();
            let places: Vec<&str> = problem.errors.iter().map(|error| error.place.as_str()).collect();
            assert_eq!((problem.status, places), (status, vec![place]), "{body}");
        }
        case(&json!([]), 400, "body");
        case(&json!({"selection": {}}), 400, "body.selection");
        case(&json!({"of": "bytes"}), 400, "body.of");
        case(&json!({"filters": {"os": "amzn2"}}), 400, "body.filters.os");
        case(
            &json!({"filters": {"system": ["amzn2"]}}),
            400,
            "body.filters.system",
        );
        case(&json!({"filters": {"by": ["os"]}}), 400, "body.filters.by");
        case(&json!({"filters": {"status": ["x"]}}), 400, "body.filters.status");
        case(&json!({"since": "yesterday"}), 400, "body.since");
        case(&json!({"since": "-1h", "until": "-2h"}), 400, "body.until");
        case(
            &json!({"within": {"filters": {"asn": ["x"]}}}),
            400,
            "body.within.filters.asn",
        );
        case(
            &json!({"since": "-1h", "within": {"since": "-30m"}}),
            422,
            "body.within.since",
        );
        case(&json!({"within": {"until": "-30m"}}), 422, "body.within.until");
    }
}
