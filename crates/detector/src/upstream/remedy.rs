//! How a rule of another party is set to log for one host: the call of that party's own API.
//!
//! Only what belongs to the account is left open (`$ZONE_ID`, `$RULESET_ID`). Sources: the Rulesets API of Cloudflare
//! (<https://developers.cloudflare.com/ruleset-engine/managed-rulesets/override-managed-ruleset/>,
//! <https://developers.cloudflare.com/ddos-protection/managed-rulesets/http/override-parameters/>), `update-web-acl` of AWS WAF.

use super::KnownRule;

/// Cloudflare's phases, by the word of the events' `Source`, and how a rule in them is set to log.
const PHASES: [(&[&str], Phase); 5] = [
    (
        &["l7ddos"],
        Phase {
            name: "ddos_l7",
            form: Form::Override,
        },
    ),
    (
        &["l4ddos", "dosd"],
        Phase {
            name: "ddos_l4",
            form: Form::Account,
        },
    ),
    (
        &["firewallmanaged", "waf"],
        Phase {
            name: "http_request_firewall_managed",
            form: Form::Override,
        },
    ),
    (
        &["firewallcustom", "firewallrules"],
        Phase {
            name: "http_request_firewall_custom",
            form: Form::Own,
        },
    ),
    (
        &["ratelimit"],
        Phase {
            name: "http_ratelimit",
            form: Form::Own,
        },
    ),
];

#[derive(Debug, Clone, Copy)]
struct Phase {
    name: &'static str,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A managed rule: a rule of the zone executes its ruleset with an override.
    Override,
    /// The same in the account, for all of its addresses: packets have no host.
    Account,
    /// A rule of the zone's own.
    Own,
}

/// The call, ready to paste; `None` where the source has none that is known.
#[must_use]
pub(crate) fn remedy(id: &str, rule: &KnownRule) -> Option<String> {
    let (source, name) = id.split_once(':')?;
    if source.starts_with("aws") {
        return Some(aws(name));
    }
    if !source.starts_with("cloudflare") {
        return None;
    }
    let system = rule.system.to_ascii_lowercase();
    let known = |(words, _): &&(&[&str], Phase)| words.contains(&&*system);
    let (_, phase) = PHASES.iter().find(known)?;
    Some(cloudflare(*phase, name, &rule.host))
}

fn cloudflare(phase: Phase, rule: &str, host: &str) -> String {
    let rule: String = rule
        .rsplit('/')
        .next()
        .unwrap_or(rule)
        .chars()
        .filter(is_plain)
        .collect();
    let host: String = host.chars().filter(is_plain).collect();
    let base = "https://api.cloudflare.com/client/v4";
    let head = "-H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json'";
    let expression = match phase.form {
        Form::Account => "true".to_owned(),
        _ => format!("http.host eq \\\"{host}\\\""),
    };
    match phase.form {
        Form::Own => format!(
            "curl -X PATCH {head} {base}/zones/$ZONE_ID/rulesets/$RULESET_ID/rules/{rule} \\\n  \
             -d '{{\"action\": \"log\"}}'\n\
             # $RULESET_ID: GET {base}/zones/$ZONE_ID/rulesets/phases/{}/entrypoint; keep the rule's other fields, or add to \
             its expression: and http.host ne \"{host}\"",
            phase.name
        ),
        form => {
            let scope = if form == Form::Account {
                "accounts/$ACCOUNT_ID"
            } else {
                "zones/$ZONE_ID"
            };
            format!(
                "curl -X POST {head} {base}/{scope}/rulesets/$RULESET_ID/rules \\\n  -d '{{\"action\": \"execute\", \
                 \"expression\": \"{expression}\", \"action_parameters\": {{\"id\": \"$MANAGED_RULESET_ID\", \
                 \"overrides\": {{\"rules\": [{{\"id\": \"{rule}\", \"action\": \"log\"}}]}}}}}}'\n\
                 # $RULESET_ID: GET {base}/{scope}/rulesets/phases/{}/entrypoint; where the plan does not allow log: \
                 \"sensitivity_level\": \"eoff\"",
                phase.name
            )
        }
    }
}

fn aws(rule: &str) -> String {
    let rule: String = rule.chars().filter(is_plain).collect();
    format!(
        "aws wafv2 get-web-acl --scope CLOUDFRONT --id $WEB_ACL_ID --name $WEB_ACL_NAME > acl.json\n\
         # In the rule {rule}: \"Action\": {{\"Count\": {{}}}}; of a rule group: \"RuleActionOverrides\": [{{\"Name\": \
         \"{rule}\", \"ActionToUse\": {{\"Count\": {{}}}}}}], then\n\
         aws wafv2 update-web-acl --scope CLOUDFRONT --id $WEB_ACL_ID --name $WEB_ACL_NAME --lock-token $LOCK_TOKEN \
         --default-action Allow={{}} --visibility-config \"$VISIBILITY\" --rules file://rules.json"
    )
}

/// What a name may hold within quotes of a shell.
fn is_plain(letter: &char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':' | '/' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str, system: &str) -> String {
        let rule = KnownRule {
            system: system.to_owned(),
            host: "cdn.example".to_owned(),
            ..KnownRule::default()
        };
        remedy(id, &rule).unwrap_or_default()
    }

    #[test]
    fn each_phase_of_cloudflare_has_its_call() {
        for (system, phase) in [
            ("l7ddos", "ddos_l7"),
            ("firewallmanaged", "http_request_firewall_managed"),
            ("firewallcustom", "http_request_firewall_custom"),
            ("ratelimit", "http_ratelimit"),
            ("l4ddos", "ddos_l4"),
        ] {
            let call = said("cloudflare:0123abcd", system);
            assert!(call.contains(&format!("/phases/{phase}/entrypoint")), "{call}");
            assert!(call.contains("0123abcd") && call.contains("\"log\""), "{call}");
            assert_eq!(call.contains("cdn.example"), phase != "ddos_l4", "{call}");
        }
    }

    #[test]
    fn an_override_is_json() {
        let call = said("cloudflare:0123abcd", "l7ddos");
        let body = call.split("-d '").nth(1).unwrap().split("'\n").next().unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["expression"], "http.host eq \"cdn.example\"");
        assert_eq!(
            body["action_parameters"]["overrides"]["rules"][0]["action"],
            "log"
        );
    }

    #[test]
    fn a_source_without_a_known_call_has_none() {
        assert!(said("aws-waf:bots", "").contains("\"Count\""));
        assert_eq!(said("fastly:x", ""), "");
        assert_eq!(said("cloudflare:x", "something new"), "");
        let sly = said("cloudflare:a';rm -rf ~;'", "ratelimit");
        assert!(!sly.contains("rm -rf"), "{sly}");
    }
}
