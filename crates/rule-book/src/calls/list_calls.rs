//! Lists that rules name: list, read, write a version, add and remove items, remove.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::act::{Act, Target};
use super::change::{ChangeResult, Context, PlannedChange, carry_out, current, with_body};
use super::mode_body::kept;
use crate::store::{Edit, Kind, RuleBookStore, StoredVersion};
use blobwatch_rulebook::{KindName, ListItem, ListKind, NamedList, Rulebook, check_list_name, lists_of};
use blobwatch_sql::Sql;
use blobwatch_wire::{List, Page, Place, Problem, hex, json_text, rfc3339};

/// Items that an entry of the audit log names one by one, of those that came and of those that went.
const MAX_AUDITED_ITEMS: usize = 100;

/// A list without its items, and who made this version.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ListOutline {
    pub name: String,
    pub version: u32,
    pub description: String,
    #[serde(with = "KindName")]
    pub kind: ListKind,
    /// Where `blobwatch list refresh` reads the items.
    pub source: Option<String>,
    /// How many items.
    pub count: usize,
    /// RFC 3339.
    pub time: String,
    pub actor: String,
    pub reason: Option<String>,
    pub since_revision: u64,
    pub until_revision: Option<u64>,
}

/// A list as it is now, and the rules that name it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ListDetail {
    #[serde(flatten)]
    pub outline: ListOutline,
    pub rules: Vec<String>,
    pub items: Vec<ListItem>,
}

/// What a change of a list did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ListChange {
    #[serde(flatten)]
    pub outline: ListOutline,
    pub rules: Vec<String>,
    pub added: usize,
    pub removed: usize,
}

/// A list that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ListRemoval {
    pub removed: String,
}

impl From<&StoredVersion<NamedList>> for ListOutline {
    fn from(kept: &StoredVersion<NamedList>) -> Self {
        let list = &kept.value;
        Self {
            name: list.name.clone(),
            version: list.version,
            description: list.description.clone(),
            kind: list.kind,
            source: list.source.clone(),
            count: list.items.len(),
            time: rfc3339(kept.time_ms),
            actor: kept.actor.clone(),
            reason: kept.reason.clone(),
            since_revision: kept.since,
            until_revision: kept.until,
        }
    }
}

/// All of a list; a description that is left out is empty, not what was there. A source that is left out stays, so that whoever
/// changes items need not know it; an empty one takes it away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ListBody {
    #[serde(default)]
    description: String,
    #[serde(with = "KindName")]
    kind: ListKind,
    #[serde(default)]
    source: Option<String>,
    items: Vec<ListItem>,
}

/// Items that come and go; the others stay.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ItemsBody {
    #[serde(default)]
    add: Vec<ListItem>,
    #[serde(default)]
    remove: Vec<ListItem>,
}

/// Every list, without its items.
///
/// # Errors
/// 400 for a cursor that no longer stands.
pub(crate) fn list_lists<S: Sql>(
    store: &RuleBookStore<S>,
    page: &Page,
) -> Result<List<ListOutline>, Problem> {
    let kept = store.valid::<NamedList>(Kind::List)?;
    page.of(kept.iter().map(ListOutline::from).collect(), |list| {
        list.name.as_str()
    })
}

/// One list.
///
/// # Errors
/// 404 when there is none.
pub(crate) fn get_list<S: Sql>(store: &RuleBookStore<S>, name: &str) -> Result<ListDetail, Problem> {
    let kept = stored(store, name)?;
    Ok(ListDetail {
        outline: ListOutline::from(&kept),
        rules: users(&store.document()?, name),
        items: kept.value.items,
    })
}

/// Every version of a list, newest first, without items. Cursors are revisions.
///
/// # Errors
/// 404 when there never was one.
pub(crate) fn list_list_versions<S: Sql>(
    store: &RuleBookStore<S>,
    name: &str,
    page: &Page,
) -> Result<List<ListOutline>, Problem> {
    let versions = store.list_versions(name)?;
    if versions.is_empty() {
        return Err(no_list(&store.document()?, name));
    }
    let keyed = versions.iter().map(|kept| (kept.since.to_string(), kept.into()));
    page.keyed(keyed.collect())
}

/// Writes a version of a list, or a new list. The same values as now make no version.
///
/// # Errors
/// 400 or 422 naming the place; 412 on another revision than expected.
pub(crate) fn put_list<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
    text: &str,
) -> Result<ChangeResult<ListChange>, Problem> {
    check_list_name(name).map_err(|expected| {
        Problem::bad_parameter(Place::new(
            "path.list",
            format!("expected {expected}, found {name:?}"),
        ))
    })?;
    with_body(context, text, |context, body: ListBody| {
        let before = store.valid::<NamedList>(Kind::List)?.into_iter();
        let before = before.map(|kept| kept.value).find(|list| list.name == name);
        let source = body.source.or_else(|| before?.source);
        let list = NamedList {
            name: name.to_owned(),
            version: 0,
            description: body.description,
            kind: body.kind,
            source: source.filter(|source| !source.is_empty()),
            items: body.items,
        };
        let list = list.normal("body.").map_err(Problem::invalid)?;
        write(store, context, list)
    })
}

/// Adds items to a list and removes others, in one version.
///
/// # Errors
/// 400 or 422 naming the place; 404 when there is no such list; 412 on another revision than expected.
pub(crate) fn change_items<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
    text: &str,
) -> Result<ChangeResult<ListChange>, Problem> {
    with_body(context, text, |context, body: ItemsBody| {
        change_read_items(store, context, name, body)
    })
}

fn change_read_items<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
    ItemsBody { add, remove }: ItemsBody,
) -> Result<ChangeResult<ListChange>, Problem> {
    let list = stored(store, name)?.value;
    let normal = |items: Vec<ListItem>, place: &str| {
        let list = NamedList {
            items,
            ..list.clone()
        };
        let told = |fault: Place| Place {
            place: fault.place.replacen("body.items", place, 1),
            ..fault
        };
        let normal = list.normal("body.").map(|list| list.items);
        normal.map_err(|faults| Problem::invalid(faults.into_iter().map(told).collect()))
    };
    let mut faults = Vec::new();
    let add = kept(normal(add, "body.add"), &mut faults);
    let remove = kept(normal(remove, "body.remove"), &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let (add, remove) = (add.unwrap_or_default(), remove.unwrap_or_default());
    let mut items: BTreeSet<ListItem> = list.items.iter().cloned().collect();
    remove.iter().for_each(|item| _ = items.remove(item));
    items.extend(add);
    let items = items.into_iter().collect();
    write(store, context, NamedList { items, ..list })
}

/// Removes a list; its versions stay.
///
/// # Errors
/// 404 when there is none; 409 where rules name it; 412 on another revision than expected.
pub(crate) fn delete_list<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    name: &str,
) -> Result<ChangeResult<ListRemoval>, Problem> {
    let mut book = current(store, context)?;
    let at = book.lists.iter().position(|list| list.name == name);
    let list = book.lists.remove(at.ok_or_else(|| no_list(&book, name))?);
    let rules = users(&book, name);
    if !rules.is_empty() {
        return Err(in_use(name, &rules));
    }
    let plan = PlannedChange {
        act: Act::ListDelete,
        target: Target::List(name.to_owned()),
        own: String::from("-"),
        before: Some(json_text(&outline(&list))?),
        after: None,
        candidate: book,
        edits: vec![Edit::end_list(name)],
    };
    let revision = carry_out(store, context, plan)?;
    Ok(ChangeResult {
        item: ListRemoval {
            removed: name.to_owned(),
        },
        revision,
        changed: true,
        created: false,
    })
}

fn write<S: Sql>(
    store: &RuleBookStore<S>,
    context: &Context<'_>,
    list: NamedList,
) -> Result<ChangeResult<ListChange>, Problem> {
    let mut book = current(store, context)?;
    let at = book.lists.iter().position(|known| known.name == list.name);
    let before = at.and_then(|at| book.lists.get(at)).cloned();
    let same = before.as_ref().map(|before| NamedList {
        version: before.version,
        ..list.clone()
    });
    let (name, revision) = (list.name.clone(), book.revision);
    if before.is_some() && before == same {
        return changed(store, &name, revision, before.as_ref(), false);
    }
    let version = version_after(&store.list_versions(&name)?);
    let list = NamedList { version, ..list };
    let own = format!("lists[{}].", at.unwrap_or(book.lists.len()));
    let edits = vec![Edit::list(&list)?];
    let (told_before, told_after) = (before.as_ref().map(outline), difference(before.as_ref(), &list));
    match at.and_then(|at| book.lists.get_mut(at)) {
        Some(slot) => *slot = list,
        None => book.lists.push(list),
    }
    let plan = PlannedChange {
        act: Act::ListPut,
        target: Target::List(name.clone()),
        own,
        before: told_before.as_ref().map(json_text).transpose()?,
        after: Some(json_text(&told_after)?),
        candidate: book,
        edits,
    };
    let revision = carry_out(store, context, plan)?;
    changed(store, &name, revision, before.as_ref(), true)
}

fn changed<S: Sql>(
    store: &RuleBookStore<S>,
    name: &str,
    revision: u64,
    before: Option<&NamedList>,
    changed: bool,
) -> Result<ChangeResult<ListChange>, Problem> {
    let kept = stored(store, name)?;
    let (added, removed) = moved(before, &kept.value);
    Ok(ChangeResult {
        item: ListChange {
            outline: ListOutline::from(&kept),
            rules: users(&store.document()?, name),
            added: added.len(),
            removed: removed.len(),
        },
        revision,
        changed,
        created: before.is_none(),
    })
}

pub(super) fn version_after(versions: &[StoredVersion<NamedList>]) -> u32 {
    versions.iter().map(|kept| kept.value.version).max().unwrap_or(0) + 1
}

/// What of a list the audit log keeps: its items are in the version that the entry names, and their digest says that they
/// are those.
pub(super) fn outline(list: &NamedList) -> Value {
    let items = json_text(&list.items).unwrap_or_default();
    let mut told = json!({
        "version": list.version,
        "kind": kind_name(list.kind),
        "description": list.description,
        "count": list.items.len(),
        "sha256": hex(&<[u8; 32]>::from(Sha256::digest(items))),
    });
    if let (Value::Object(fields), Some(source)) = (&mut told, &list.source) {
        fields.insert("source".to_owned(), source.as_str().into());
    }
    told
}

fn kind_name(kind: ListKind) -> Value {
    KindName::serialize(&kind, serde_json::value::Serializer).unwrap_or_default()
}

/// The same, and which items came and went.
pub(super) fn difference(before: Option<&NamedList>, list: &NamedList) -> Value {
    let (added, removed) = moved(before, list);
    let part = |items: Vec<&ListItem>| {
        let named: Vec<_> = items.iter().take(MAX_AUDITED_ITEMS).collect();
        json!({"count": items.len(), "items": named})
    };
    let mut told = outline(list);
    if let Value::Object(fields) = &mut told {
        fields.insert("added".to_owned(), part(added));
        fields.insert("removed".to_owned(), part(removed));
    }
    told
}

fn moved<'a>(before: Option<&'a NamedList>, after: &'a NamedList) -> (Vec<&'a ListItem>, Vec<&'a ListItem>) {
    let of = |list: Option<&'a NamedList>| -> BTreeSet<&'a ListItem> {
        list.into_iter().flat_map(|list| &list.items).collect()
    };
    let (before, after) = (of(before), of(Some(after)));
    let added = after.difference(&before).copied().collect();
    (added, before.difference(&after).copied().collect())
}

/// The rules that name a list.
fn users(book: &Rulebook, name: &str) -> Vec<String> {
    let names_it = |expression: &str| lists_of(expression).iter().any(|used| used == name);
    let users = book.rules.iter().filter(|rule| names_it(&rule.expression));
    users.map(|rule| rule.id.clone()).collect()
}

fn stored<S: Sql>(store: &RuleBookStore<S>, name: &str) -> Result<StoredVersion<NamedList>, Problem> {
    let mut lists = store.valid::<NamedList>(Kind::List)?.into_iter();
    match lists.find(|kept| kept.value.name == name) {
        Some(found) => Ok(found),
        None => Err(no_list(&store.document()?, name)),
    }
}

fn no_list(book: &Rulebook, name: &str) -> Problem {
    Problem::no_such("list", name, book.lists.iter().map(|list| list.name.as_str()))
}

fn in_use(name: &str, rules: &[String]) -> Problem {
    let detail = format!(
        "rules name the list {name:?}: {}; change or retire them first",
        rules.join(", ")
    );
    Problem {
        errors: vec![Place::new("path.list", detail.as_str())],
        ..Problem::new(409, "list-in-use", "The list is in use", detail.as_str())
    }
}
