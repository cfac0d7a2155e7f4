//! Whether an expression can be read: asked while somebody types one, and nothing is stored.

use serde::{Deserialize, Serialize};

use super::change::body;
use crate::store::RuleBookStore;
use blobwatch_pull::{Action, Mode};
use blobwatch_rulebook::{Compiled, DocumentError, Rule, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct CheckBody {
    expression: String,
}

/// What is wrong with an expression; nothing: it can be stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Checked {
    pub errors: Vec<Place>,
}

/// Reads and compiles one expression as a rule of the rulebook, without the other rules: `{expression}`.
///
/// # Errors
/// 400 for a body of another form. A fault of the expression is an answer.
pub(crate) fn check_expression<S: Sql>(store: &RuleBookStore<S>, text: &str) -> Result<Checked, Problem> {
    let body: CheckBody = body(text)?;
    let book = Rulebook {
        rules: vec![rule(body.expression)],
        modes: Vec::new(),
        ..store.document()?
    };
    let errors = match Compiled::build(book) {
        Ok(_) => Vec::new(),
        Err(DocumentError::Invalid(places)) => places.into_iter().map(in_body).collect(),
        Err(error) => vec![Place::new(EXPRESSION, error.to_string())],
    };
    Ok(Checked { errors })
}

const EXPRESSION: &str = "body.expression";

fn rule(expression: String) -> Rule {
    Rule {
        id: "check".to_owned(),
        version: 1,
        description: String::new(),
        expression,
        action: Action::Tag,
        default_mode: Mode::Monitor,
        volume: None,
    }
}

/// The rulebook holds together without this rule: whatever is wrong is wrong with the expression.
fn in_body(place: Place) -> Place {
    Place {
        place: EXPRESSION.to_owned(),
        ..place
    }
}
