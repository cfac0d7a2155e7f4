//! `Blobwatch-Fired`: the rules that fired on a request.

use sfv::{KeyRef, ListSerializer, RefBareItem, StringRef, TokenRef};

use crate::Disclose;
use blobwatch_pull::{Action, Fired, Mode};

/// Whether a route tells a client which rules fired.
#[must_use]
pub fn is_disclosed(disclose: Disclose, is_operator: bool) -> bool {
    match disclose {
        Disclose::Never => false,
        Disclose::Operators => is_operator,
        Disclose::Always => true,
    }
}

/// A list of tokens with parameters, in the order of the rulebook: `botnet-sig;v=3;mode=monitor;would=block`, with
/// `applied=block` behind where something was applied. `None` where nothing fired: an empty list is no header.
#[must_use]
pub fn fired(fired: &[Fired]) -> Option<String> {
    let mut list = ListSerializer::new();
    for one in fired {
        push(&mut list, one);
    }
    list.finish()
}

fn push(list: &mut ListSerializer<String>, one: &Fired) {
    let keys = ["v", "mode", "would", "applied"].map(KeyRef::from_str);
    let values = [mode(one.mode), action(one.would), action(one.applied)].map(TokenRef::from_str);
    let (Some(rule), [Ok(v), Ok(mode), Ok(would), Ok(applied)]) = (name(&one.rule), keys) else {
        return;
    };
    let [Ok(is), Ok(does), Ok(did)] = values else {
        return;
    };
    let member = list
        .bare_item(rule)
        .parameter(v, one.version)
        .parameter(mode, is)
        .parameter(would, does);
    if one.applied != Action::None {
        let _ = member.parameter(applied, did);
    }
}

/// A token begins with a letter (RFC 9651, section 3.3.4); an id that begins with a digit is a string.
fn name(rule: &str) -> Option<RefBareItem<'_>> {
    match TokenRef::from_str(rule) {
        Ok(token) => Some(token.into()),
        Err(_) => StringRef::from_str(rule).ok().map(RefBareItem::from),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Monitor => "monitor",
        Mode::Enforce => "enforce",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::None => "none",
        Action::Tag => "tag",
        Action::Allow => "allow",
        Action::Detour => "detour",
        Action::Throttle => "throttle",
        Action::Block => "block",
    }
}

#[cfg(test)]
mod tests {
    use super::{fired, is_disclosed};
    use crate::Disclose;
    use blobwatch_pull::{Action, Mode, sample};

    #[test]
    fn the_header_is_a_list_of_rules_with_parameters() {
        let rules = [
            sample::fired("botnet-sig", 3, Mode::Monitor, Action::Block, Action::None),
            sample::fired("slow", 1, Mode::Enforce, Action::Throttle, Action::Throttle),
            sample::fired("7-days", 2, Mode::Enforce, Action::Tag, Action::None),
        ];
        assert_eq!(
            fired(&rules).unwrap(),
            "botnet-sig;v=3;mode=monitor;would=block, \
             slow;v=1;mode=enforce;would=throttle;applied=throttle, \
             \"7-days\";v=2;mode=enforce;would=tag"
        );
    }

    #[test]
    fn nothing_fired_is_no_header() {
        assert_eq!(fired(&[]), None);
    }

    #[test]
    fn a_name_that_no_field_can_hold_is_left_out() {
        let rule = sample::fired("é\n", 1, Mode::Monitor, Action::Block, Action::None);
        assert_eq!(fired(&[rule]), None);
    }

    #[test]
    fn names_are_those_of_json() {
        for mode in [Mode::Off, Mode::Monitor, Mode::Enforce] {
            assert_eq!(serde_json::to_value(mode).unwrap(), super::mode(mode));
        }
        for action in [
            Action::None,
            Action::Tag,
            Action::Allow,
            Action::Detour,
            Action::Throttle,
            Action::Block,
        ] {
            assert_eq!(serde_json::to_value(action).unwrap(), super::action(action));
        }
    }

    #[test]
    fn a_route_says_who_is_told() {
        let told = |disclose| (is_disclosed(disclose, false), is_disclosed(disclose, true));
        assert_eq!(told(Disclose::Never), (false, false));
        assert_eq!(told(Disclose::Operators), (false, true));
        assert_eq!(told(Disclose::Always), (true, true));
    }
}
