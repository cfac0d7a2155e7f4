//! A rulebook that previews and their tests share.

use blobwatch_pull::{Action, Mode};
use blobwatch_rulebook::{ModeSetting, Route, Rule, Rulebook, SCHEMA, Settings};

use crate::PreviewPlan;

pub const NOW: u64 = 1_593_975_600_000;
pub const CANDIDATE: &str = "candidate";

pub fn rule(id: &str, expression: &str, action: Action) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        description: String::new(),
        expression: expression.to_owned(),
        action,
        default_mode: Mode::Monitor,
        volume: None,
    }
}

pub fn mode(rule: &str, route: &str, mode: Mode, percent: Option<f64>) -> ModeSetting {
    ModeSetting {
        percent,
        ..ModeSetting::new(rule, route, mode)
    }
}

pub fn book(rules: Vec<Rule>, modes: Vec<ModeSetting>) -> Rulebook {
    let library = Route {
        repository: "library/**".to_owned(),
        detour: Some("https://bucket.example".to_owned()),
        ..Route::named("library")
    };
    let host = Route {
        host: Some("mirror.example".to_owned()),
        ..Route::named("mirror")
    };
    Rulebook {
        schema: SCHEMA,
        revision: 5,
        routes: vec![Route::named("default"), library, host],
        rules,
        modes,
        lists: Vec::new(),
        layouts: Vec::new(),
        settings: Settings::default(),
    }
}

pub fn plan(book: &Rulebook, candidate: &str, route: &str) -> PreviewPlan {
    let rule = book.rules.iter().find(|rule| rule.id == candidate).unwrap();
    PreviewPlan::new(book, rule.clone(), route, NOW)
}
