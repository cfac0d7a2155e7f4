//! Whether rules and routes that records are asked for by ever were.
//!
//! A rule that was retired has records still. Not in scope: rules of other parties, whose names have a colon.

use crate::object_calls::FilterNames;
use crate::store::{Kind, RuleBookError, RuleBookStore};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, did_you_mean};

impl FilterNames {
    /// The names of a call's decoded pairs.
    #[must_use]
    pub fn of(pairs: &[(String, String)]) -> Self {
        let named = |wanted: &str| {
            let of = |(name, value): &(String, String)| {
                let is_wanted = name.trim_end_matches('!') == wanted && !value.contains(':');
                is_wanted.then(|| (format!("query.{name}"), value.clone()))
            };
            pairs.iter().filter_map(of).collect()
        };
        Self {
            rules: named("rule"),
            routes: named("route"),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.routes.is_empty()
    }
}

/// Those that never were, with the name that may have been meant.
///
/// # Errors
/// When the store cannot be read.
pub fn unknown_names<S: Sql>(
    store: &RuleBookStore<S>,
    names: &FilterNames,
) -> Result<Vec<Place>, RuleBookError> {
    let never = |kind, (_, name): &&(String, String)| -> bool {
        // What cannot be read is no reason to warn.
        matches!(store.ever_was(kind, name), Ok(false))
    };
    let rules: Vec<_> = names
        .rules
        .iter()
        .filter(|rule| never(Kind::Rule, rule))
        .collect();
    let routes: Vec<_> = names
        .routes
        .iter()
        .filter(|route| never(Kind::Route, route))
        .collect();
    if rules.is_empty() && routes.is_empty() {
        return Ok(Vec::new());
    }
    let book = store.document()?;
    let warning = |what: &str, (place, name): &(String, String), meant: String| {
        Place::new(place, format!("there never was a {what} {name:?}{meant}"))
    };
    let rules = rules.into_iter().map(|rule| {
        let meant = did_you_mean(&rule.1, book.rules.iter().map(|known| known.id.as_str()));
        warning("rule", rule, meant)
    });
    let routes = routes.into_iter().map(|route| {
        let meant = did_you_mean(&route.1, book.routes.iter().map(|known| known.name.as_str()));
        warning("route", route, meant)
    });
    Ok(rules.chain(routes).collect())
}

#[cfg(test)]
mod tests {
    use super::{FilterNames, unknown_names};
    use crate::store::RuleBookStore;
    use blobwatch_rulebook::starter;
    use blobwatch_sql::Native;

    const NOW: u64 = 1_593_975_600_000;

    #[test]
    fn what_never_was_is_told_with_what_is_near() {
        let starter = starter().unwrap();
        let id = starter.rules[0].id.clone();
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter, NOW).unwrap();
        let near = format!("{id}x");
        let pairs = [
            ("rule", id.as_str()),
            ("rule!", near.as_str()),
            ("rule", "cloudflare:100"),
            ("route", "default"),
            ("route", "nowhere"),
            ("os", "amzn2"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let unknown = unknown_names(&store, &FilterNames::of(&pairs)).unwrap();
        let told: Vec<_> = unknown
            .iter()
            .map(|place| (place.place.as_str(), place.message.as_str()))
            .collect();
        let of_rule = format!("there never was a rule {near:?} (did you mean `{id}`?)");
        assert_eq!(
            told,
            [
                ("query.rule!", of_rule.as_str()),
                ("query.route", "there never was a route \"nowhere\"")
            ]
        );
    }

    #[test]
    fn a_query_without_such_filters_asks_nothing() {
        assert!(FilterNames::of(&[("os".to_owned(), "amzn2".to_owned())]).is_empty());
    }
}
