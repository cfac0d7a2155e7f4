//! A rulebook that is ready for requests: built whole or not at all, so that a bad document never replaces a good
//! one.

use super::document::{Route, Rulebook};
use super::named_list;
use super::policy::Policy;
use super::read::{DocumentError, shape};
use super::validate::{MAX_PLACES, faults};
use crate::route::RouteTable;
use blobwatch_rules::{CheckedExpression, Engine, Lists, RuleError, RuleWarning};
use blobwatch_wire::Place;

/// What a request needs of a rulebook. Positions of rules and routes are those of [`Self::book`].
#[derive(Debug)]
pub struct Compiled {
    pub book: Rulebook,
    pub policy: Policy,
    pub routes: RouteTable,
    pub engine: Engine,
}

impl Compiled {
    /// Reads, checks and compiles a document.
    ///
    /// # Errors
    /// Too large, of a newer schema, or everything that is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        Self::build(shape(text)?)
    }

    /// Checks and compiles a document.
    ///
    /// # Errors
    /// Everything that is wrong with it, each fault with its place (`rules[3].expression`).
    pub fn build(book: Rulebook) -> Result<Self, DocumentError> {
        let checked = check(&book).map_err(DocumentError::Invalid)?;
        let whole =
            |place: &str, why: String| DocumentError::Invalid(vec![Place::new(place.to_owned(), why)]);
        let engine = Engine::compile(&checked).map_err(|error| whole("rules", error.to_string()))?;
        let routes = RouteTable::compile(&book.routes).map_err(|error| whole("routes", error.to_string()))?;
        Ok(Self {
            policy: Policy::new(&book),
            book,
            routes,
            engine,
        })
    }

    /// Position and settings of the route that a request is on.
    #[must_use]
    pub fn route(&self, host: &str, repository: Option<&str>) -> (usize, Option<&Route>) {
        let index = self.routes.best(host, repository);
        (index, self.book.routes.get(index))
    }
}

/// The rules of a document that holds together.
///
/// # Errors
/// Everything that is wrong with the document, at most `MAX_PLACES`.
pub fn check(book: &Rulebook) -> Result<Vec<CheckedExpression>, Vec<Place>> {
    let mut places = faults(book);
    let lists = match named_list::compiled(&book.lists) {
        Ok(lists) => lists,
        // Where a list is damaged, that it is not there is no fault of the rules.
        Err(faults) => {
            places.extend(faults);
            places.truncate(MAX_PLACES);
            return Err(places);
        }
    };
    let mut checked = Vec::with_capacity(book.rules.len());
    for (at, rule) in book.rules.iter().enumerate() {
        match read_expression(&rule.expression, &lists) {
            Ok(rule) => checked.push(rule),
            Err(error) => places.push(expression_place(format!("rules[{at}].expression"), &error)),
        }
    }
    places.truncate(MAX_PLACES);
    if places.is_empty() {
        Ok(checked)
    } else {
        Err(places)
    }
}

/// What of a rule can never hold, though it can be read; none for an expression that cannot.
#[must_use]
pub fn warnings(book: &Rulebook, expression: &str) -> Vec<RuleWarning> {
    let lists = named_list::compiled(&book.lists).unwrap_or_default();
    read_expression(expression, &lists).map_or_else(|_| Vec::new(), |checked| checked.warnings())
}

fn read_expression(text: &str, lists: &Lists) -> Result<CheckedExpression, RuleError> {
    blobwatch_rules::parse(text)?.check_with(lists)
}

fn expression_place(place: String, error: &RuleError) -> Place {
    let found = match error.word.as_str() {
        "" => "the end".to_owned(),
        word => format!("`{word}`"),
    };
    Place {
        offset: Some(error.offset),
        excerpt: Some(error.marked_line()),
        ..Place::new(place, format!("expected {}, found {found}", error.expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_rules::{Field, Scratch, Values};

    fn document(expression: &str) -> String {
        serde_json::json!({
            "schema": 1, "revision": 4,
            "routes": [{"name": "default"}, {"name": "library", "repository": "library/**"}],
            "rules": [
                {"id": "tls", "version": 1, "expression": "ssl", "action": "tag"},
                {"id": "second", "version": 2, "expression": expression, "action": "block"},
            ],
            "modes": [{"rule": "second", "route": "library", "mode": "enforce"}],
        })
        .to_string()
    }

    #[test]
    fn a_document_becomes_routes_rules_and_modes_at_the_same_positions() {
        let compiled = Compiled::from_json(&document("http.host eq \"a\"")).unwrap();
        let (route, settings) = compiled.route("a", Some("library/alpine"));
        assert_eq!((route, settings.unwrap().name.as_str()), (1, "library"));
        let mut values = Values::new();
        values.set(Field::Host, "a".into());
        let mut scratch = Scratch::new(&compiled.engine);
        compiled.engine.run(&values, &mut scratch);
        assert_eq!(scratch.matched().collect::<Vec<_>>(), [1]);
        assert_eq!(&*compiled.policy.rule(1).unwrap().id, "second");
    }

    #[test]
    fn an_expression_that_is_wrong_is_shown_where() {
        let Err(DocumentError::Invalid(places)) = Compiled::from_json(&document("http.host == ssl and"))
        else {
            panic!("expected a refusal");
        };
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].place, "rules[1].expression");
        assert!(places[0].offset.is_some());
        assert!(places[0].excerpt.as_deref().unwrap().contains('^'), "{places:#?}");
    }

    #[test]
    fn faults_of_every_kind_are_told_together() {
        let text = document("").replace("\"library\"", "\"Library\"");
        let Err(DocumentError::Invalid(places)) = Compiled::from_json(&text) else {
            panic!("expected a refusal");
        };
        let names: Vec<&str> = places.iter().map(|p| p.place.as_str()).collect();
        assert_eq!(names, ["routes[1].name", "rules[1].expression"]);
    }
}
