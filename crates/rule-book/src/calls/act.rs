//! What a change does and to what: names of the audit log, and causes that the Detector is told.

use std::fmt;

use blobwatch_rulebook::Cause;

/// What a change of the rulebook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    RulePut,
    RuleDelete,
    ModePut,
    ModeDelete,
    ModeStage,
    ModeExpire,
    ModeDemote,
    RoutePut,
    RouteDelete,
    ListPut,
    ListDelete,
    PanicOff,
    RulebookPut,
    SettingsPut,
    FireLogsSplit,
    FireLogsJoin,
}

impl Act {
    const ALL: [Self; 16] = [
        Self::RulePut,
        Self::RuleDelete,
        Self::ModePut,
        Self::ModeDelete,
        Self::ModeStage,
        Self::ModeExpire,
        Self::ModeDemote,
        Self::RoutePut,
        Self::RouteDelete,
        Self::ListPut,
        Self::ListDelete,
        Self::PanicOff,
        Self::RulebookPut,
        Self::SettingsPut,
        Self::FireLogsSplit,
        Self::FireLogsJoin,
    ];

    /// As the audit log names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RulePut => "rule.put",
            Self::RuleDelete => "rule.delete",
            Self::ModePut => "mode.put",
            Self::ModeDelete => "mode.delete",
            Self::ModeStage => "mode.stage",
            Self::ModeExpire => "mode.expire",
            Self::ModeDemote => "mode.demote",
            Self::RoutePut => "route.put",
            Self::RouteDelete => "route.delete",
            Self::ListPut => "list.put",
            Self::ListDelete => "list.delete",
            Self::PanicOff => "panic-off",
            Self::RulebookPut => "rulebook.put",
            Self::SettingsPut => "settings.put",
            Self::FireLogsSplit => "fire-logs.split",
            Self::FireLogsJoin => "fire-logs.join",
        }
    }

    /// `None` for entries of the audit log that change no rulebook.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    pub(super) const fn cause(self) -> Cause {
        match self {
            Self::ModeStage => Cause::Stage,
            Self::ModeExpire => Cause::Expiry,
            Self::ModeDemote => Cause::Guard,
            Self::PanicOff => Cause::PanicOff,
            Self::RulebookPut => Cause::Push,
            Self::RulePut
            | Self::RuleDelete
            | Self::ModePut
            | Self::ModeDelete
            | Self::RoutePut
            | Self::RouteDelete
            | Self::ListPut
            | Self::ListDelete
            | Self::SettingsPut => Cause::Operator,
            // Nobody is told of it: it changes no switch.
            Self::FireLogsSplit | Self::FireLogsJoin => Cause::Unknown,
        }
    }
}

/// What a change is made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Rule(String),
    Mode {
        rule: String,
        route: String,
    },
    Route(String),
    List(String),
    /// Every mode, or those of one route.
    Modes(Option<String>),
    Rulebook,
    Settings,
    /// Those of a colo.
    FireLogs(String),
}

impl Target {
    pub(crate) fn mode(rule: &str, route: &str) -> Self {
        Self::Mode {
            rule: rule.to_owned(),
            route: route.to_owned(),
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub(super) fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        Some(match parts.as_slice() {
            ["rules", rule] => Self::Rule((*rule).to_owned()),
            ["rules", rule, "modes", route] => Self::mode(rule, route),
            ["routes", route] => Self::Route((*route).to_owned()),
            ["routes", route, "modes"] => Self::Modes(Some((*route).to_owned())),
            ["lists", list] => Self::List((*list).to_owned()),
            ["modes"] => Self::Modes(None),
            ["rulebook"] => Self::Rulebook,
            ["settings"] => Self::Settings,
            ["fire-logs", colo] => Self::FireLogs((*colo).to_owned()),
            _ => return None,
        })
    }
}

/// As the audit log names it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => write!(f, "rules/{rule}"),
            Self::Mode { rule, route } => write!(f, "rules/{rule}/modes/{route}"),
            Self::Route(route) => write!(f, "routes/{route}"),
            Self::List(list) => write!(f, "lists/{list}"),
            Self::Modes(Some(route)) => write!(f, "routes/{route}/modes"),
            Self::Modes(None) => f.write_str("modes"),
            Self::Rulebook => f.write_str("rulebook"),
            Self::Settings => f.write_str("settings"),
            Self::FireLogs(colo) => write!(f, "fire-logs/{colo}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_audit_log_are_read_back() {
        for act in Act::ALL {
            assert_eq!(Act::named(act.name()), Some(act));
        }
        assert_eq!(Act::named("webhook.put"), None);
        for target in [
            Target::Rule("sweep".to_owned()),
            Target::mode("sweep", "hub"),
            Target::Route("hub".to_owned()),
            Target::List("office".to_owned()),
            Target::Modes(Some("hub".to_owned())),
            Target::Modes(None),
            Target::Rulebook,
            Target::Settings,
            Target::FireLogs("FRA".to_owned()),
        ] {
            assert_eq!(Target::read(&target.to_string()), Some(target));
        }
        assert_eq!(Target::read("webhooks/chat"), None);
    }
}
