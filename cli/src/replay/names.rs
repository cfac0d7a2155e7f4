//! Texts of a log as small numbers, so that a line costs no allocation once its texts were seen.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use blobwatch_pull::{Agent, Family};
use blobwatch_records::version_of;

use blobwatch_logs::{plain_agent, texts};

/// Texts of one kind that are told apart: colos, countries, systems, routes and sets of rules are hundreds, fingerprints
/// some thousands. What lies beyond is called [`OTHER`]. At some 100 bytes each 6 MB a kind.
const MAX_TEXTS: usize = 65_535;

/// What a text beyond the bound is called.
const OTHER: &str = "other";

/// User-Agents whose meaning is remembered; further ones are read each time. At some 300 bytes each 10 MB.
const MAX_AGENTS: usize = 32_768;

/// Rules in a set.
const MAX_RULES: usize = 64;

/// The texts by their numbers, which other threads look up while more are added.
#[derive(Clone)]
pub(super) struct NumberedTexts(Arc<RwLock<Vec<Arc<str>>>>);

impl Default for NumberedTexts {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(vec!["".into(), OTHER.into()])))
    }
}

impl NumberedTexts {
    pub(super) fn text(&self, number: u16) -> Arc<str> {
        let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        texts
            .get(usize::from(number))
            .cloned()
            .unwrap_or_else(|| "".into())
    }

    /// The text, but empty for one beyond the bound.
    pub(super) fn known(&self, number: u16) -> Arc<str> {
        if number == 1 { "".into() } else { self.text(number) }
    }

    /// The number of one more text; none when there are enough.
    fn add(&self, text: Arc<str>) -> Option<u16> {
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let number = u16::try_from(texts.len()).ok();
        let number = number.filter(|number| usize::from(*number) < MAX_TEXTS)?;
        texts.push(text);
        Some(number)
    }
}

/// Numbers of texts; 0 is the empty text.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashMap<Box<str>, u16>,
    numbered: NumberedTexts,
}

impl Texts {
    pub(super) fn number(&mut self, text: &str) -> u16 {
        self.number_of(text, |text| text.into())
    }

    /// As [`Self::number`], for a text that is kept in another form.
    pub(super) fn number_of(&mut self, text: &str, form: impl Fn(&str) -> Arc<str>) -> u16 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let Some(number) = self.numbered.add(form(text)) else {
            return 1;
        };
        self.numbers.insert(text.into(), number);
        number
    }
}

/// What a User-Agent says, as far as cells have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) family: Family,
    pub(super) os: u16,
    pub(super) version: u16,
}

/// Everything that is numbered.
#[derive(Default)]
pub(super) struct Names {
    pub(super) routes: Texts,
    pub(super) colos: Texts,
    pub(super) countries: Texts,
    pub(super) systems: Texts,
    pub(super) fingerprints: Texts,
    pub(super) versions: Texts,
    pub(super) servers: Texts,
    pub(super) protocols: Texts,
    pub(super) repositories: Texts,
    rules: Texts,
    agents: HashMap<Box<str>, Who>,
}

/// The way back from numbers to texts.
#[derive(Clone, Default)]
pub(super) struct Meanings {
    pub(super) routes: NumberedTexts,
    pub(super) colos: NumberedTexts,
    pub(super) countries: NumberedTexts,
    pub(super) systems: NumberedTexts,
    pub(super) fingerprints: NumberedTexts,
    pub(super) versions: NumberedTexts,
    pub(super) servers: NumberedTexts,
    pub(super) protocols: NumberedTexts,
    pub(super) repositories: NumberedTexts,
    rules: NumberedTexts,
}

impl Meanings {
    /// The rules of a set: sorted, each once.
    pub(super) fn rules(&self, number: u16) -> Vec<Arc<str>> {
        let mut rules: Vec<Arc<str>> = texts(&self.rules.text(number), "rule")
            .into_iter()
            .map(Arc::from)
            .collect();
        rules.sort_unstable();
        rules.dedup();
        rules.truncate(MAX_RULES);
        rules
    }
}

impl Names {
    pub(super) fn country(&mut self, text: &str) -> u16 {
        self.countries.number_of(text, |text| text.to_uppercase().into())
    }

    /// A set of rules as the log writes it: a name, a JSON list of names, or of objects with `rule`.
    pub(super) fn rules(&mut self, text: &str) -> u16 {
        self.rules.number(text)
    }

    /// What the numbers mean, now and later.
    pub(super) fn meanings(&self) -> Meanings {
        let of = |texts: &Texts| texts.numbered.clone();
        Meanings {
            routes: of(&self.routes),
            colos: of(&self.colos),
            countries: of(&self.countries),
            systems: of(&self.systems),
            fingerprints: of(&self.fingerprints),
            versions: of(&self.versions),
            servers: of(&self.servers),
            protocols: of(&self.protocols),
            repositories: of(&self.repositories),
            rules: of(&self.rules),
        }
    }

    pub(super) fn who(&mut self, family: Family, os: &str, version: &str) -> Who {
        Who {
            family,
            os: self.systems.number(os),
            version: self.versions.number(&version_of(family, version)),
        }
    }

    /// Reads a User-Agent; `is_encoded` says that the log's are encoded.
    pub(super) fn agent(&mut self, text: &str, is_encoded: bool) -> Who {
        if let Some(who) = self.agents.get(text) {
            return *who;
        }
        let plain = plain_agent(text, is_encoded);
        let agent = Agent::parse(&plain);
        let who = self.who(agent.family, agent.os, agent.version);
        if self.agents.len() < MAX_AGENTS {
            self.agents.insert(text.into(), who);
        }
        who
    }
}

#[cfg(test)]
mod tests {
    use blobwatch_pull::Family;

    use super::{MAX_TEXTS, Names, OTHER, Texts};

    #[test]
    fn texts_keep_their_numbers_and_beyond_the_bound_are_other() {
        let mut texts = Texts::default();
        let one = texts.number("IAD");
        assert_eq!((texts.number("IAD"), texts.number("")), (one, 0));
        for at in 0..2 * MAX_TEXTS {
            texts.number(&at.to_string());
        }
        let further = texts.number("further");
        let text = |number| texts.numbered.text(number);
        assert_eq!((&*text(further), &*text(one)), (OTHER, "IAD"));
        assert_eq!(&*text(u16::MAX), "");
        assert!(texts.numbers.len() <= MAX_TEXTS);
    }

    #[test]
    fn an_escaped_user_agent_is_the_same_client() {
        let mut names = Names::default();
        let plain = "docker/19.03.12 go/go1.13.10 git-commit/48a66213fe kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64";
        let who = names.agent(plain, false);
        assert_eq!(
            (who.family, &*names.meanings().systems.text(who.os)),
            (Family::Docker, "amzn2")
        );
        assert_eq!(names.agent(&plain.replace(' ', "%20"), true), who);
        assert_eq!(names.agent(&plain.replace(' ', "%2520"), true), who);
        assert_eq!(names.agent(&plain.replace(' ', "+"), false), who);
        let library = names.agent("containerd/1.7.12+unknown", false);
        assert_ne!(library, names.agent("containerd/1.7.12", false));
    }

    #[test]
    fn rules_are_a_name_a_list_or_objects() {
        let mut names = Names::default();
        #[track_caller]
        fn case(names: &mut Names, text: &str, expected: &[&str]) {
            let number = names.rules(text);
            let rules = names.meanings().rules(number);
            assert_eq!(rules.iter().map(|rule| &**rule).collect::<Vec<_>>(), expected);
        }
        case(&mut names, "", &[]);
        case(&mut names, "botnet-sig", &["botnet-sig"]);
        case(&mut names, r#"["b","a","b"]"#, &["a", "b"]);
        case(&mut names, r#"[{"rule":"a","version":1}]"#, &["a"]);
        case(&mut names, "[]", &[]);
    }
}
