//! Settings of the whole deployment.

use super::act::{Act, Target};
use super::change::{ChangeResult, Context, PlannedChange, carry_out, current, with_body};
use crate::store::{Edit, RuleBookStore};
use blobwatch_rulebook::Settings;
use blobwatch_sql::Sql;
use blobwatch_wire::{Problem, json_text};

/// # Errors
/// 500 when the store cannot be read.
pub(crate) fn get_settings<S: Sql>(store: &RuleBookStore<S>) -> Result<Settings, Problem> {
    Ok(store.document()?.settings)
}

/// Writes all settings; what is left out is the default, not what was there.
///
/// # Errors
/// 400 or 422 naming the place; 412 on another revision than expected.
pub(crate) fn put_settings<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    text: &str,
) -> Result<ChangeResult<Settings>, Problem> {
    with_body(context, text, |context, settings: Settings| {
        put_read_settings(store, context, settings)
    })
}

fn put_read_settings<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    settings: Settings,
) -> Result<ChangeResult<Settings>, Problem> {
    let mut book = current(store, context)?;
    if book.settings == settings {
        return Ok(ChangeResult {
            item: settings,
            revision: book.revision,
            changed: false,
            created: false,
        });
    }
    let before = json_text(&book.settings)?;
    book.settings = settings.clone();
    let plan = PlannedChange {
        act: Act::SettingsPut,
        target: Target::Settings,
        own: "settings.".to_owned(),
        before: Some(before),
        after: Some(json_text(&settings)?),
        candidate: book,
        edits: vec![Edit::settings(&settings)?],
    };
    let revision = carry_out(store, context, plan)?;
    Ok(ChangeResult {
        item: settings,
        revision,
        changed: true,
        created: false,
    })
}
