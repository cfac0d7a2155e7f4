//! How a rule of another party is set to log, where its API can for one host alone: the calls, as a script for `sh`.
//!
//! Only what belongs to the account is left open (`$ZONE_ID`, `$WEB_ACL_NAME`). Sources: the Rulesets API of Cloudflare
//! (<https://developers.cloudflare.com/ruleset-engine/rulesets-api/update-rule/>: a change has all fields of the rule;
//! <https://developers.cloudflare.com/ddos-protection/managed-rulesets/http/http-overrides/configure-api/>), `update-web-acl` of AWS
//! WAF, which replaces the whole web ACL, and `security-policies rules update` of Google Cloud.

use super::KnownRule;

/// Cloudflare's phases, by the word of the events' `Source`, and how a rule in them is set to log.
const PHASES: [(&[&str], Phase); 5] = [
    (
        &["l7ddos"],
        Phase("ddos_l7", Form::Override("4d21379b4f9f4bb088e0729962c8b3cf")),
    ),
    (
        &["l4ddos", "dosd"],
        Phase("ddos_l4", Form::Account("3b64149bfa6e4220bbbc2bd6db589552")),
    ),
    (
        &["firewallmanaged", "waf"],
        Phase("http_request_firewall_managed", Form::Managed),
    ),
    (
        &["firewallcustom", "firewallrules"],
        Phase("http_request_firewall_custom", Form::Own),
    ),
    (&["ratelimit"], Phase("http_ratelimit", Form::Own)),
];

/// Its name, and the form of its rules.
#[derive(Debug, Clone, Copy)]
struct Phase(&'static str, Form);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A rule of a ruleset of this id, the same for everybody, that every zone runs: an override of the zone.
    Override(&'static str),
    /// The same in the account, for all of its addresses: packets have no host.
    Account(&'static str),
    /// A managed rule, of a ruleset that a rule of the zone executes.
    Managed,
    /// A rule of the zone's own.
    Own,
}

/// The calls, ready to paste; `None` where none is known that makes the rule log.
#[must_use]
pub(crate) fn remedy(id: &str, rule: &KnownRule) -> Option<String> {
    let (source, name) = id.split_once(':')?;
    let name = plain(name);
    match source {
        "aws-waf" => aws(&name),
        "cloud-armor" => cloud_armor(&name),
        "cloudflare" => {
            let system = rule.system.to_ascii_lowercase();
            let known = |(words, _): &&(&[&str], Phase)| words.contains(&&*system);
            let (_, Phase(phase, form)) = PHASES.iter().find(known)?;
            let rule_id = name.rsplit('/').next().unwrap_or_default();
            Some(cloudflare(phase, *form, rule_id, &plain(&rule.host)))
        }
        _ => None,
    }
}

fn cloudflare(phase: &str, form: Form, rule: &str, host: &str) -> String {
    let scope = match form {
        Form::Account(_) => "accounts/$ACCOUNT_ID",
        _ => "zones/$ZONE_ID",
    };
    let calls = match form {
        Form::Override(ruleset) => override_of(phase, "zone", ruleset, rule, host),
        Form::Account(ruleset) => override_of(phase, "root", ruleset, rule, ""),
        Form::Managed => format!(
            "export MANAGED_RULESET_ID=efb7b8c949ac4650a09736fc376e9aee  # Cloudflare Managed Ruleset; OWASP: \
             4814384a9e5d4991b9815dcfc25d2f1f\n{}",
            changed(
                phase,
                ".action == \"execute\" and .action_parameters.id == $ENV.MANAGED_RULESET_ID",
                &format!(
                    ".action_parameters.overrides.rules |= (((. // []) | map(select(.id != \"{rule}\"))) + [{{\"id\": \"{rule}\", \
                     \"action\": \"log\"}}])"
                ),
                host,
            )
        ),
        Form::Own => changed(
            phase,
            &format!(".id == \"{rule}\" or .ref == \"{rule}\""),
            ".action = \"log\" | del(.action_parameters)",
            host,
        ),
    };
    format!(
        "rulesets=\"https://api.cloudflare.com/client/v4/{scope}/rulesets\"\n\
         api() {{ curl -fsS -H \"Authorization: Bearer $CLOUDFLARE_API_TOKEN\" -H 'Content-Type: application/json' \"$@\"; }}\n\
         {calls}"
    )
}

/// Adds an override before others, of which the first that fits counts. A zone that overrides nothing has no ruleset in that phase.
fn override_of(phase: &str, kind: &str, ruleset: &str, rule: &str, host: &str) -> String {
    let expression = match host {
        "" => "true".to_owned(),
        host => format!("http.host eq \\\"{host}\\\""),
    };
    format!(
        "rule='{{\"action\": \"execute\", \"expression\": \"{expression}\", \"action_parameters\": {{\"id\": \"{ruleset}\", \
         \"overrides\": {{\"rules\": [{{\"id\": \"{rule}\", \"action\": \"log\"}}]}}}}}}'\n\
         id=$(api \"$rulesets/phases/{phase}/entrypoint\" | jq -r .result.id)\n\
         if [ \"$id\" ]; then\n  \
         printf %s \"$rule\" | jq '.position = {{\"index\": 1}}' | api -X POST \"$rulesets/$id/rules\" -d @-\n\
         else\n  \
         printf %s \"$rule\" | jq '{{\"name\": \"default\", \"kind\": \"{kind}\", \"phase\": \"{phase}\", \"rules\": [.]}}' | \
         api -X POST \"$rulesets\" -d @-\n\
         fi\n\
         # Where the plan does not allow log: \"sensitivity_level\": \"eoff\" instead of \"action\": \"log\"."
    )
}

/// Makes a rule of the zone log. For one host: a copy of it before it that logs there, and then the rule without that host.
fn changed(phase: &str, is_it: &str, change: &str, host: &str) -> String {
    let read = format!(
        "api \"$rulesets/phases/{phase}/entrypoint\" | jq .result > ruleset.json\n\
         jq 'first(.rules[] | select({is_it})) | del(.version, .last_updated)' ruleset.json > rule.json\n\
         id=$(jq -r .id ruleset.json)"
    );
    let patch = "api -X PATCH \"$rulesets/$id/rules/$(jq -r .id rule.json)\" -d @-";
    if host.is_empty() {
        return format!("{read}\njq 'del(.id) | {change}' rule.json | {patch}");
    }
    let expression =
        |order: &str| format!(".expression = \"(\\(.expression)) and http.host {order} \\\"{host}\\\"\"");
    format!(
        "{read}\n\
         jq '.position = {{\"before\": .id}} | del(.id, .ref) | {} | {change}' rule.json | api -X POST \"$rulesets/$id/rules\" -d @- &&\n  \
         jq 'del(.id) | {}' rule.json | {patch}",
        expression("eq"),
        expression("ne"),
    )
}

/// A change of a web ACL replaces all of it: what was read goes back, but for what is not the caller's to set.
fn aws(rule: &str) -> Option<String> {
    if rule == "Default_Action" {
        return None;
    }
    let change = match rule.split_once('/') {
        None => format!(
            "(.Rules[] | select(.Name == \"{rule}\")) |= (if .OverrideAction then .OverrideAction = {{\"Count\": {{}}}} else .Action \
             = {{\"Count\": {{}}}} end)"
        ),
        Some((group, inner)) => format!(
            "(.Rules[] | select(.Name == \"{group}\").Statement[] | select(type == \"object\")).RuleActionOverrides |= (((. // []) | \
             map(select(.Name != \"{inner}\"))) + [{{\"Name\": \"{inner}\", \"ActionToUse\": {{\"Count\": {{}}}}}}])"
        ),
    };
    Some(format!(
        "# For every host of the web ACL. SCOPE is CLOUDFRONT (with --region us-east-1) or REGIONAL; AWS CLI 2.\n\
         aws wafv2 get-web-acl --scope \"$SCOPE\" --id \"$WEB_ACL_ID\" --name \"$WEB_ACL_NAME\" > acl.json\n\
         jq --arg scope \"$SCOPE\" '{{\"Scope\": $scope, LockToken}} + .WebACL | del(.ARN, .Capacity, .LabelNamespace, \
         .ManagedByFirewallManager, .RetrofittedByFirewallManager, .PreProcessFirewallManagerRuleGroups, \
         .PostProcessFirewallManagerRuleGroups) |\n  {change}' acl.json > update.json\n\
         aws wafv2 update-web-acl --cli-input-json file://update.json"
    ))
}

/// `<policy>/<priority>`.
fn cloud_armor(rule: &str) -> Option<String> {
    let (policy, priority) = rule.rsplit_once('/')?;
    let is_number = !priority.is_empty() && priority.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| {
        format!(
            "# For every host of the policy; of a regional policy with --region.\n\
             gcloud compute security-policies rules update {priority} --security-policy {policy} --preview"
        )
    })
}

/// What a name may hold within quotes of a shell, of jq and of JSON.
fn plain(name: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.:/#".contains(*letter);
    name.chars().filter(is_plain).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    fn said(id: &str, system: &str, host: &str) -> String {
        remedy(id, &KnownRule::named(system, host)).unwrap_or_default()
    }

    const CLOUDFLARE: [(&str, &str); 5] = [
        ("l7ddos", "ddos_l7"),
        ("firewallmanaged", "http_request_firewall_managed"),
        ("firewallcustom", "http_request_firewall_custom"),
        ("ratelimit", "http_ratelimit"),
        ("l4ddos", "ddos_l4"),
    ];

    #[test]
    fn each_phase_of_cloudflare_has_its_call() {
        for (system, phase) in CLOUDFLARE {
            let call = said("cloudflare:0123abcd", system, "cdn.example");
            assert!(call.contains(&format!("/phases/{phase}/entrypoint")), "{call}");
            assert!(call.contains("0123abcd") && call.contains("\"log\""), "{call}");
            assert_eq!(call.contains("cdn.example"), phase != "ddos_l4", "{call}");
        }
    }

    #[test]
    fn an_override_is_json() {
        let call = said("cloudflare:0123abcd", "l7ddos", "cdn.example");
        let body = call.split("rule='").nth(1).unwrap().split("'\n").next().unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["expression"], "http.host eq \"cdn.example\"");
        assert_eq!(
            body["action_parameters"]["overrides"]["rules"][0]["action"],
            "log"
        );
    }

    /// The API takes a rule as a whole: what is changed is read before, and a rule of one host keeps acting on the others.
    #[test]
    fn a_rule_of_the_zone_keeps_its_other_fields_and_hosts() {
        let call = said("cloudflare:0123abcd", "ratelimit", "cdn.example");
        let (copy, rule) = call.split_once("&&").unwrap();
        assert!(
            copy.contains("-X POST") && copy.contains("http.host eq"),
            "{call}"
        );
        assert!(copy.contains(".action = \"log\""), "{call}");
        assert!(
            rule.contains("-X PATCH") && rule.contains("http.host ne"),
            "{call}"
        );
        assert!(!rule.contains("log"), "{call}");
        let of_all = said("cloudflare:0123abcd", "firewallcustom", "");
        assert!(
            !of_all.contains("http.host") && !of_all.contains("POST"),
            "{of_all}"
        );
    }

    #[test]
    fn a_web_acl_goes_back_as_it_was_read() {
        let call = said("aws-waf:bots/Signal", "GROUP", "cdn.example");
        assert!(
            call.contains("RuleActionOverrides") && call.contains("\"Signal\""),
            "{call}"
        );
        assert!(call.contains("LockToken") && call.contains("$SCOPE"), "{call}");
        assert!(
            !call.contains("default-action") && !call.contains("DefaultAction"),
            "{call}"
        );
        assert!(!call.contains("--scope CLOUDFRONT"), "{call}");
    }

    #[test]
    fn a_policy_of_cloud_armor_is_set_to_preview() {
        let call = said("cloud-armor:edge/1000", "cloud-armor", "");
        assert!(
            call.ends_with("rules update 1000 --security-policy edge --preview"),
            "{call}"
        );
    }

    #[test]
    fn a_source_without_a_known_call_has_none() {
        for (id, system) in [
            ("fastly:x", ""),
            ("cloudflare:x", "something new"),
            ("cloudflare:x", "uablock"),
            ("aws-waf:Default_Action", "REGULAR"),
            ("awsome:x", ""),
            ("edge-1", "ratelimit"),
        ] {
            assert_eq!(said(id, system, "cdn.example"), "", "{id}");
        }
    }

    /// Whatever a source calls its rules and hosts: the shell reads the calls, and finds no other command in them.
    #[test]
    fn every_call_is_a_script() {
        for name in ["0123abcd", "a';rm -rf ~;'/b\"$(rm -rf ~)`", "edge/1000"] {
            let mut calls: Vec<String> = ["aws-waf", "cloud-armor"]
                .map(|source| said(&format!("{source}:{name}"), "", name))
                .into();
            calls.extend(CLOUDFLARE.map(|(system, _)| said(&format!("cloudflare:{name}"), system, name)));
            for call in calls {
                assert!(!call.contains("rm -rf"), "{call}");
                let mut shell = Command::new("sh")
                    .arg("-n")
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap();
                shell.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
                assert!(shell.wait().unwrap().success(), "{call}");
            }
        }
    }
}
