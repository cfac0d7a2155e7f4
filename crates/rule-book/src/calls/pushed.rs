//! The whole rulebook as somebody sends it: the document of `GET rulebook`, or one that a person wrote.
//!
//! In scope: both forms of a part, and the rulebook that they come to. `version`, `schema`, `revision`, `layouts`, where a
//! step is and since when a guard watches are the RuleBook's to say: what a document says of them is taken from what is there.

use std::fmt::{self, Formatter};

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::change::version_after;
use super::enforcing::{acts_alike, continued};
use super::mode_body::{Guarding, Permit, StepBody, future, kept, staged};
use crate::store::RuleBookStore;
use blobwatch_pull::{Action, Mode, rule_action};
use blobwatch_rulebook::{
    FireLogLayout, KindName, ListItem, ListKind, ModeSetting, NamedList, Route, Rule, Rulebook, Settings,
    Stages, Volume, check_list_name,
};
use blobwatch_sql::Sql;
use blobwatch_wire::{Place, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RulebookBody")
)]
pub(super) struct PushBody {
    #[serde(default, rename = "schema")]
    _schema: Option<u32>,
    #[serde(default, rename = "revision")]
    _revision: Option<u64>,
    routes: Vec<Route>,
    rules: Vec<PushedRule>,
    #[serde(default)]
    modes: Vec<PushedMode>,
    /// Those that are there stay where a document says nothing of lists.
    lists: Option<Vec<PushedList>>,
    #[serde(default)]
    settings: Settings,
    #[serde(default, rename = "layouts")]
    _layouts: Vec<FireLogLayout>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct PushedList {
    name: String,
    #[serde(default, rename = "version")]
    _version: Option<u32>,
    #[serde(default)]
    description: String,
    #[serde(with = "KindName")]
    kind: ListKind,
    #[serde(default)]
    source: Option<String>,
    items: Vec<ListItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PushedRule {
    id: String,
    #[serde(default, rename = "version")]
    _version: Option<u32>,
    #[serde(default)]
    description: String,
    expression: String,
    #[serde(deserialize_with = "rule_action")]
    action: Action,
    #[serde(default)]
    default_mode: Mode,
    #[serde(default)]
    volume: Option<Volume>,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PushedMode {
    rule: String,
    route: String,
    mode: Mode,
    #[serde(default)]
    percent: Option<f64>,
    #[serde(default)]
    expires: Option<String>,
    #[serde(default)]
    expires_ms: Option<u64>,
    #[serde(default)]
    stages: Option<PushedStages>,
    #[serde(default)]
    guard: Option<PushedGuard>,
    #[serde(default)]
    preview: Option<String>,
    #[serde(default)]
    force: bool,
}

/// Told apart by what they are: a list is never taken for the object.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
enum PushedStages {
    Document(Stages),
    Steps(Vec<StepBody>),
}

impl<'de> Deserialize<'de> for PushedStages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherStages)
    }
}

struct EitherStages;

impl<'de> Visitor<'de> for EitherStages {
    type Value = PushedStages;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the stages of GET rulebook or a list of {percent, minutes}")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<PushedStages, A::Error> {
        Stages::deserialize(MapAccessDeserializer::new(fields)).map(PushedStages::Document)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<PushedStages, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(steps)).map(PushedStages::Steps)
    }
}

#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
enum PushedGuard {
    /// A revision, which the RuleBook knows.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    Since,
    Said(Guarding),
}

impl<'de> Deserialize<'de> for PushedGuard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherGuard)
    }
}

struct EitherGuard;

impl Visitor<'_> for EitherGuard {
    type Value = PushedGuard;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"watch\", \"off\" or the revision of GET rulebook")
    }

    fn visit_u64<E: Error>(self, _revision: u64) -> Result<PushedGuard, E> {
        Ok(PushedGuard::Since)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<PushedGuard, E> {
        Guarding::deserialize(word.into_deserializer()).map(PushedGuard::Said)
    }
}

/// The rulebook that a push makes, and what permits its enforcements.
pub(super) struct PushCandidate {
    pub(super) book: Rulebook,
    /// By position in `book.rules`.
    forced_rules: Vec<bool>,
    /// By position in `book.modes`.
    permits: Vec<Permit>,
    /// What was left out of the book, because it is wrong.
    pub(super) faults: Vec<Place>,
}

impl PushCandidate {
    /// Each rule, and whether its version is forced.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&Rule, bool)> {
        self.book.rules.iter().zip(self.forced_rules.iter().copied())
    }

    /// Each setting of a mode, and what permits it.
    pub(super) fn modes(&self) -> impl Iterator<Item = (&ModeSetting, &Permit)> {
        self.book.modes.iter().zip(&self.permits)
    }
}

impl PushBody {
    pub(super) fn candidate<S: Sql>(
        self,
        store: &RuleBookStore<S>,
        book: &Rulebook,
        now_ms: u64,
    ) -> Result<PushCandidate, Problem> {
        let forced_rules = self.rules.iter().map(|rule| rule.force).collect();
        let rules = self.rules.into_iter().map(|rule| rule.of(store, book));
        let rules: Vec<Rule> = rules.collect::<Result<_, _>>()?;
        let permits = self.modes.iter().map(PushedMode::permit).collect();
        let mut faults = Vec::new();
        let modes = self.modes.into_iter().enumerate();
        let modes = modes.map(|(at, mode)| mode.of(&format!("body.modes[{at}]"), book, now_ms, &mut faults));
        let mut modes: Vec<ModeSetting> = modes.collect();
        let lists = match self.lists {
            None => book.lists.clone(),
            Some(lists) => pushed_lists(lists, store, book, &mut faults)?,
        };
        watch_anew(&mut modes, &rules, book);
        Ok(PushCandidate {
            book: Rulebook {
                schema: book.schema,
                revision: book.revision,
                routes: self.routes,
                rules,
                modes,
                lists,
                settings: self.settings,
                layouts: book.layouts.clone(),
            },
            forced_rules,
            permits,
            faults,
        })
    }
}

impl PushedRule {
    fn of<S: Sql>(self, store: &RuleBookStore<S>, book: &Rulebook) -> Result<Rule, Problem> {
        let before = book.rules.iter().find(|known| known.id == self.id);
        let rule = Rule {
            version: before.map_or(0, |before| before.version),
            id: self.id,
            description: self.description,
            expression: self.expression,
            action: self.action,
            default_mode: self.default_mode,
            volume: self.volume,
        };
        if before == Some(&rule) {
            return Ok(rule);
        }
        let versions = store.rule_versions(&rule.id)?;
        Ok(Rule {
            version: version_after(&versions),
            ..rule
        })
    }
}

fn pushed_lists<S: Sql>(
    lists: Vec<PushedList>,
    store: &RuleBookStore<S>,
    book: &Rulebook,
    faults: &mut Vec<Place>,
) -> Result<Vec<NamedList>, Problem> {
    let lists = lists.into_iter().enumerate();
    let lists = lists.map(|(at, list)| list.of(&format!("body.lists[{at}]."), store, book, faults));
    lists.collect()
}

/// Puts lists that are thought of in the place of those of the same name, or beside the others.
pub(crate) fn suppose_lists<S: Sql>(
    book: &mut Rulebook,
    lists: Vec<PushedList>,
    store: &RuleBookStore<S>,
) -> Result<(), Problem> {
    let names: Vec<&str> = lists.iter().map(|list| list.name.as_str()).collect();
    for (at, name) in names.iter().enumerate() {
        let wrong = |message: String| {
            let place = Place::new(format!("body.lists[{at}].name"), message);
            Err(Problem::invalid(vec![place]))
        };
        if let Err(expected) = check_list_name(name) {
            return wrong(format!("expected {expected}, found {name:?}"));
        }
        if names.iter().take(at).any(|other| other == name) {
            return wrong(format!("{name:?} occurs twice"));
        }
    }
    let mut faults = Vec::new();
    let lists = pushed_lists(lists, store, book, &mut faults)?;
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    for list in lists {
        match book.lists.iter_mut().find(|known| known.name == list.name) {
            Some(known) => *known = list,
            None => book.lists.push(list),
        }
    }
    Ok(())
}

impl PushedList {
    fn of<S: Sql>(
        self,
        place: &str,
        store: &RuleBookStore<S>,
        book: &Rulebook,
        faults: &mut Vec<Place>,
    ) -> Result<NamedList, Problem> {
        let before = book.lists.iter().find(|known| known.name == self.name);
        let list = NamedList {
            version: before.map_or(0, |before| before.version),
            name: self.name,
            description: self.description,
            kind: self.kind,
            source: self.source,
            items: self.items,
        };
        let bare = NamedList {
            items: Vec::new(),
            ..list.clone()
        };
        let list = list.normal(place).unwrap_or_else(|wrong| {
            faults.extend(wrong);
            bare
        });
        if before == Some(&list) {
            return Ok(list);
        }
        let version = super::list_calls::version_after(&store.list_versions(&list.name)?);
        Ok(NamedList { version, ..list })
    }
}

impl PushedMode {
    fn permit(&self) -> Permit {
        Permit {
            preview: self.preview.clone(),
            force: self.force,
            guard: Guarding::Watch,
        }
    }

    /// What is wrong with it goes to the faults, and is left out.
    fn of(self, place: &str, book: &Rulebook, now_ms: u64, faults: &mut Vec<Place>) -> ModeSetting {
        let before = (book.modes.iter()).find(|known| known.is_of(&self.rule, &self.route));
        let stages = match self.stages {
            Some(PushedStages::Document(stages)) => Some(stages),
            Some(PushedStages::Steps(steps)) => {
                kept(staged(&format!("{place}.stages"), &steps, now_ms), faults)
            }
            None => None,
        };
        let expires = self.expires.as_deref();
        let expires = expires.and_then(|text| {
            let read = future(&format!("{place}.expires"), text, now_ms);
            kept(read, faults)
        });
        let asked = ModeSetting {
            percent: stages.as_ref().map_or(self.percent, Stages::percent),
            expires_ms: expires.or(self.expires_ms),
            stages,
            ..ModeSetting::new(self.rule, self.route, self.mode)
        };
        let guard = match self.guard {
            Some(PushedGuard::Said(guard)) => guard,
            Some(PushedGuard::Since) => Guarding::Watch,
            None if before.is_some_and(|before| is_unwatched(before) && asked.goal() <= before.goal()) => {
                Guarding::Off
            }
            None => Guarding::Watch,
        };
        continued(asked, before, guard, book.revision + 1)
    }
}

/// Guards of rules that now act otherwise begin anew.
fn watch_anew(modes: &mut [ModeSetting], rules: &[Rule], book: &Rulebook) {
    let acts_anew = |id: &str| {
        let before = book.rules.iter().find(|known| known.id == id);
        let after = rules.iter().find(|known| known.id == id);
        before
            .zip(after)
            .is_some_and(|(before, after)| !acts_alike(before, after))
    };
    for setting in modes.iter_mut().filter(|setting| setting.guard.is_some()) {
        if acts_anew(&setting.rule) {
            setting.guard = Some(book.revision + 1);
        }
    }
}

/// An enforcement that was set to have no guard.
fn is_unwatched(setting: &ModeSetting) -> bool {
    setting.mode == Mode::Enforce && setting.guard.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    const SCHEMA: &str = include_str!("../../../../docs/rulebook.schema.json");

    /// The names that reading a part expects in place of one that nothing has.
    fn expected<T: DeserializeOwned>(part: &Value) -> Vec<String> {
        let error = serde_json::from_value::<T>(part.clone())
            .err()
            .unwrap()
            .to_string();
        let names = error.split_once("expected").unwrap().1;
        let mut names: Vec<String> = names.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        names.sort();
        names
    }

    fn named(values: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
        let mut names: Vec<String> = values.into_iter().map(|name| name.as_ref().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_schema_has_the_fields_that_are_read() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let fields = |part: &Value| named(part["properties"].as_object().unwrap().keys());
        let of = |name: &str| fields(&schema["$defs"][name]);
        let odd = json!({"?": 1});
        assert_eq!(fields(&schema), expected::<PushBody>(&odd));
        assert_eq!(of("Route"), expected::<Route>(&odd));
        assert_eq!(of("Rule"), expected::<PushedRule>(&odd));
        assert_eq!(of("Volume"), expected::<Volume>(&odd));
        assert_eq!(of("ModeSetting"), expected::<PushedMode>(&odd));
        assert_eq!(of("Step"), expected::<StepBody>(&odd));
        assert_eq!(of("Stages"), expected::<Stages>(&odd));
        assert_eq!(of("KeptStep"), expected::<blobwatch_rulebook::Step>(&odd));
        assert_eq!(of("List"), expected::<PushedList>(&odd));
        assert_eq!(of("Settings"), expected::<Settings>(&odd));
        assert_eq!(
            of("IngestMapping"),
            expected::<blobwatch_rulebook::IngestMapping>(&odd)
        );
        assert_eq!(
            of("AnomalyBreadth"),
            expected::<blobwatch_rulebook::AnomalyBreadth>(&odd)
        );
        let parts = schema["$defs"].as_object().unwrap().values().chain([&schema]);
        for part in parts.filter(|part| part["type"] == "object") {
            assert_eq!(part["additionalProperties"], false);
        }
    }

    #[test]
    fn the_schema_has_the_words_that_are_read() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let words = |part: &Value| {
            named(
                part["enum"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|word| word.as_str().unwrap()),
            )
        };
        let of = |part: &str, field: &str| words(&schema["$defs"][part]["properties"][field]);
        let odd = json!("?");
        assert_eq!(words(&schema["$defs"]["Mode"]), expected::<Mode>(&odd));
        // No rule has the action "none".
        let actions = expected::<Action>(&odd)
            .into_iter()
            .filter(|action| action != "none");
        assert_eq!(of("Rule", "action"), named(actions));
        assert_eq!(
            of("Route", "redirects"),
            expected::<blobwatch_rulebook::Redirects>(&odd)
        );
        assert_eq!(
            of("Route", "cache"),
            expected::<blobwatch_rulebook::EdgeCache>(&odd)
        );
        assert_eq!(
            of("Route", "disclose"),
            expected::<blobwatch_rulebook::Disclose>(&odd)
        );
        assert_eq!(
            of("Volume", "by"),
            expected::<blobwatch_rulebook::VolumeKey>(&odd)
        );
        assert_eq!(
            of("Settings", "keep_addresses"),
            expected::<blobwatch_rulebook::KeepAddresses>(&odd)
        );
        let list = json!({"name": "a", "kind": "?", "items": []});
        assert_eq!(of("List", "kind"), expected::<PushedList>(&list));
    }
}
