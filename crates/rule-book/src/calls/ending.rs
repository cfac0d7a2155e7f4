//! What ends: a rule or a route, and with it the modes that are set for it.

use serde::Serialize;

use super::act::{Act, Target};
use super::change::{ChangeResult, Context, PlannedChange, carry_out};
use crate::store::{Edit, RuleBookStore};
use blobwatch_rulebook::{ModeSetting, Route, Rule, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{Problem, json_text};

/// What is no longer there, and how many modes went with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Retirement {
    pub retired: String,
    pub modes: usize,
}

/// What was taken out of the candidate.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    Rule(Rule),
    Route(Route),
}

/// What the audit log keeps of it.
#[derive(Serialize)]
struct AuditedEnding<'a> {
    #[serde(flatten)]
    what: &'a Ending,
    modes: &'a [ModeSetting],
}

impl Ending {
    fn name(&self) -> &str {
        match self {
            Self::Rule(rule) => &rule.id,
            Self::Route(route) => &route.name,
        }
    }

    fn takes(&self, setting: &ModeSetting) -> bool {
        match self {
            Self::Rule(rule) => setting.rule == rule.id,
            Self::Route(route) => setting.route == route.name,
        }
    }

    fn edit(&self) -> Edit {
        match self {
            Self::Rule(rule) => Edit::end_rule(&rule.id),
            Self::Route(route) => Edit::end_route(&route.name),
        }
    }
}

/// Carries out what a call took out of the rulebook.
pub(super) fn retire<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    mut candidate: Rulebook,
    what: &Ending,
) -> Result<ChangeResult<Retirement>, Problem> {
    let (modes, others): (Vec<_>, Vec<_>) = std::mem::take(&mut candidate.modes)
        .into_iter()
        .partition(|setting| what.takes(setting));
    candidate.modes = others;
    let edits = modes
        .iter()
        .map(|setting| Edit::end_mode(&setting.rule, &setting.route))
        .chain([what.edit()])
        .collect();
    let (act, target) = match what {
        Ending::Rule(rule) => (Act::RuleDelete, Target::Rule(rule.id.clone())),
        Ending::Route(route) => (Act::RouteDelete, Target::Route(route.name.clone())),
    };
    let plan = PlannedChange {
        act,
        target,
        own: String::from("-"),
        before: Some(json_text(&AuditedEnding { what, modes: &modes })?),
        after: None,
        candidate,
        edits,
    };
    let revision = carry_out(store, context, plan)?;
    let item = Retirement {
        retired: what.name().to_owned(),
        modes: modes.len(),
    };
    Ok(ChangeResult {
        item,
        revision,
        changed: true,
        created: false,
    })
}
