//! `blobwatch rulebook check` and `import`: what needs no deployment.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("rulebook_files")
            .join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, file: &str, text: &str) -> &Self {
        fs::write(self.0.join(file), text).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blobwatch"));
        let output = command.args(arguments).current_dir(&self.0).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    fn case(&self, arguments: &[&str], code: i32, says: &[&str]) {
        let (found, text) = self.run(arguments);
        assert_eq!(found, code, "{arguments:?}\n{text}");
        for said in says {
            assert!(text.contains(said), "{arguments:?}: expected {said:?} in\n{text}");
        }
    }
}

const BOOK: &str = r#"
[[routes]]
name = "default"

[[rules]]
id = "office"
expression = 'ip.src in $office and cf.threat_score gt 5'
action = "allow"
default_mode = "enforce"
force = true

[[modes]]
rule = "office"
route = "default"
mode = "enforce"
preview = "pv-1"
stages = [{percent = 1, minutes = 5}, {percent = 100}]

[[lists]]
name = "office"
kind = "network"
items = ["192.0.2.0/24"]
"#;

#[test]
fn a_file_is_checked_without_a_deployment() {
    let folder = Folder::new("check");
    folder.write("book.toml", BOOK);
    folder.case(
        &["rulebook", "check", "book.toml"],
        0,
        &[
            "book.toml: ok: 1 rules, 1 routes, 1 modes, 1 lists;",
            "warning: rules/office, byte 22: Cloudflare tells no worker `cf.threat_score`",
        ],
    );
    let wrong = BOOK
        .replace("$office and", "$ofice and")
        .replace("route = \"default\"", "route = \"hub\"");
    folder.write("wrong.toml", &wrong);
    folder.case(
        &["rulebook", "check", "wrong.toml"],
        1,
        &[
            "rules[0].expression: expected a list that exists (`$office`), found `$ofice`",
            "^^^^^^",
            "modes[0].route: there is no route \"hub\"",
        ],
    );
    folder.write("item.toml", &BOOK.replace("192.0.2.0/24", "192.0.2.1/24"));
    folder.case(
        &["rulebook", "check", "item.toml"],
        1,
        &["lists[0].items[0]: expected a block that starts at its network, 192.0.2.0/24"],
    );
    folder.write(
        "form.toml",
        &BOOK.replace("id = \"office\"", "id = \"office\"\ncolour = 1"),
    );
    folder.case(
        &["rulebook", "check", "form.toml"],
        1,
        &["unknown field `colour`"],
    );
    folder.write("text.json", "{");
    folder.case(
        &["rulebook", "check", "text.json"],
        2,
        &["text.json: expected JSON"],
    );
}

const V5: &str = r#"
variable "host" { default = "shop.example" }
variable "unset" {}
locals { path = "/login" }

resource "cloudflare_list" "office" {
  account_id = "0"
  name  = "office"
  kind  = "ip"
  items = [{ ip = "192.0.2.0/24" }, { ip = "198.51.100.7/24", comment = "b" }]
}

resource "cloudflare_ruleset" "custom" {
  kind  = "zone"
  phase = "http_request_firewall_custom"
  rules = [
    { ref = "let_office", action = "skip", expression = "ip.src in $office", description = "Office", enabled = true },
    { action = "managed_challenge", expression = "(http.host eq \"${var.host}\" and http.request.uri.path eq \"${local.path}\")", description = "Log in!" },
    { action = "block", expression = "http.host eq \"${var.unset}\"" },
    { action = "log", expression = "http.request.body.size gt 5", description = "Bodies" },
    { action = "block", expression = "ip.src in $elsewhere" },
    { action = "execute", expression = "true" },
    { action = "block", expression = "cf.threat_score gt 9", enabled = false, description = "Off" },
  ]
}
"#;

#[test]
fn terraform_of_the_providers_fifth_version_is_read() {
    let folder = Folder::new("v5");
    folder.write("waf.tf", V5);
    folder.case(
        &["rulebook", "import", "waf.tf", "--into", "book.toml"],
        1,
        &[
            "+ lists/office  2 networks (from waf.tf cloudflare_list.office)",
            "+ rules/let_office  allow in monitor (from waf.tf cloudflare_ruleset.custom rules[0])",
            "+ rules/log-in  block in monitor",
            "note: managed_challenge: programs that pull fail a challenge",
            "- waf.tf cloudflare_ruleset.custom rules[2]  cannot be said here: its expression depends on",
            "(no rule here reads bodies)",
            "expected a list that exists (`$office`)",
            "runs a managed ruleset",
            "+ rules/off  block in off",
            "3 rules and 1 lists, all rules in monitor or off; 4 left out",
            "wrote book.toml",
        ],
    );
    folder.case(
        &["rulebook", "check", "book.toml"],
        0,
        &["ok: 3 rules, 1 routes, 0 modes, 1 lists"],
    );
    let book = fs::read_to_string(folder.0.join("book.toml")).unwrap();
    assert!(
        book.contains("198.51.100.0/24") && book.contains("shop.example"),
        "{book}"
    );
    folder.case(
        &["rulebook", "import", "waf.tf", "--into", "book.toml"],
        1,
        &[
            "= rules/log-in  is there already",
            "= lists/office  is there already",
        ],
    );
    folder.case(&["rulebook", "check", "book.toml"], 0, &["ok: 3 rules"]);
}

const V4: &str = r#"
resource "cloudflare_ruleset" "limits" {
  phase = "http_ratelimit"
  rules {
    action      = "block"
    description = "Downloads"
    expression  = "(http.request.uri.path contains \"/blobs/\")"
    ratelimit {
      characteristics     = ["ip.src", "cf.colo.id"]
      period              = 60
      requests_per_period = 100
      mitigation_timeout  = 600
    }
  }
  rules {
    action     = "block"
    expression = "true"
    ratelimit {
      characteristics     = ["http.request.headers[\"x-api-key\"]"]
      period              = 60
      requests_per_period = 100
    }
  }
  dynamic "rules" {
    for_each = var.more
    content { action = "block" }
  }
}

resource "cloudflare_list" "asns" {
  name = "asns"
  kind = "asn"
  item {
    value { asn = 64496 }
  }
}

resource "cloudflare_filter" "bots" {
  expression = "(http.user_agent contains \"bot\" and ip.geoip.asnum in $asns)"
}

resource "cloudflare_firewall_rule" "bots" {
  filter_id   = cloudflare_filter.bots.id
  action      = "js_challenge"
  description = "bots"
}
"#;

#[test]
fn terraform_of_the_providers_older_versions_is_read() {
    let folder = Folder::new("v4");
    folder.write("limits.tf", V4);
    folder.case(
        &["rulebook", "import", "limits.tf", "--into", "book.json"],
        1,
        &[
            "+ rules/downloads  throttle in monitor, above 100 matches in 60 s by client",
            "note: acts for 600 s there",
            "it is counted by http.request.headers[\"x-api-key\"]",
            "it depends on a dynamic block",
            "+ lists/asns  1 numbers",
            "+ rules/bots  block in monitor (from limits.tf cloudflare_firewall_rule.bots)",
        ],
    );
    folder.case(&["rulebook", "check", "book.json"], 0, &["ok: 2 rules"]);
}

#[test]
fn an_answer_of_the_api_is_read() {
    let folder = Folder::new("api");
    folder.write(
        "ruleset.json",
        r#"{"success": true, "result": {"kind": "zone", "phase": "http_request_firewall_custom", "rules": [
            {"id": "5de7edfa648c4d6891dc3e7f84534ffa", "ref": "5de7edfa648c4d6891dc3e7f84534ffa", "action": "block",
             "expression": "(ip.src.country eq \"T1\")", "description": "Tor", "enabled": true},
            {"action": "rewrite", "expression": "true", "description": "x"}]}}"#,
    );
    folder.case(
        &["rulebook", "import", "ruleset.json"],
        1,
        &["+ rules/tor  block in monitor (from ruleset.json rules[0])", "the action \"rewrite\" of the phase \"http_request_firewall_custom\" changes requests or answers"],
    );
    folder.write("nothing.json", "{\"result\": []}");
    folder.case(
        &["rulebook", "import", "nothing.json"],
        2,
        &["nothing.json: expected rules or lists of Cloudflare"],
    );
    folder.write("broken.tf", "resource \"x\" {");
    folder.case(
        &["rulebook", "import", "broken.tf"],
        2,
        &["broken.tf: expected Terraform (HCL)"],
    );
}

const MODES: &str = r#"
routes = [{name = "default"}, {name = "public", host = "hub.example"}]

[[rules]]
id = "watched"
expression = "cf.tls_client_ciphers_sha1 eq \"x\""
action = "block"

[[rules]]
id = "held"
expression = "http.request.method eq \"GET\""
action = "block"
default_mode = "enforce"

[[rules]]
id = "whole"
expression = "http.request.method eq \"HEAD\""
action = "block"
default_mode = "enforce"

[[rules]]
id = "sleeping"
expression = "ssl"
action = "block"
default_mode = "off"

[[rules]]
id = "odd"
expression = "ssl"
action = "throttle"
volume = {by = "client", requests = 100, seconds = 61}

[[rules]]
id = "above"
expression = "ip.src ge 192.0.2.0"
action = "block"

[[modes]]
rule = "watched"
route = "public"
mode = "enforce"
percent = 10

[[modes]]
rule = "held"
route = "public"
mode = "monitor"

[[modes]]
rule = "whole"
route = "public"
mode = "enforce"

[[modes]]
rule = "sleeping"
route = "public"
mode = "enforce"

[[modes]]
rule = "odd"
route = "public"
mode = "off"
"#;

const OWN: &str = r#"
routes = [{name = "default"}]

[[rules]]
id = "office"
description = "ours"
expression = "ip.src in $office and not http.host in {\"a.example\"}"
action = "allow"
default_mode = "enforce"

[[rules]]
id = "many"
expression = "http.request.method eq \"GET\""
action = "throttle"
volume = {by = "client", requests = 100, seconds = 60}

[[rules]]
id = "old"
expression = "client.family eq \"docker\" or oci.repository contains \"x\""
action = "block"

[[rules]]
id = "around"
expression = "ssl"
action = "detour"

[[rules]]
id = "agents"
expression = "http.user_agent in $agents"
action = "tag"

[[lists]]
name = "office"
kind = "network"
items = ["192.0.2.0/24"]

[[lists]]
name = "agents"
kind = "string"
items = ["a"]
"#;

/// A rule has no routes at Cloudflare: what it does on one is listed, and it acts nowhere that it was not to act.
#[test]
fn modes_and_periods_that_cloudflare_cannot_say_are_listed() {
    let folder = Folder::new("export_modes");
    folder.write("book.toml", MODES);
    let export = |more: &[&'static str]| {
        let base = [
            "rulebook",
            "export",
            "book.toml",
            "--cloudflare",
            "--out",
            "out.json",
        ];
        [&base[..], more].concat()
    };
    folder.case(
        &export(&["--enforced"]),
        1,
        &[
            "+ rules/watched  log",
            "+ rules/held  log",
            "+ rules/whole  block",
            "+ rules/sleeping  log",
            "- rules/odd  cannot be said at Cloudflare: its volume is counted over 61 s, and the periods there are 10, 15,",
            "86400 s; the next is 90 s",
            "- rules/above  cannot be said at Cloudflare: it has `ge` of an IP address, which Blobwatch alone has",
            "- modes/watched@public  cannot be said at Cloudflare: a rule has one action for all routes there (log), and this one \
             is to be enforced for 10 % of clients on this route",
            "- modes/held@public  cannot be said at Cloudflare: a rule has one action for all routes there (log), and this one is \
             to be monitored on this route",
            "- modes/sleeping@public  cannot be said at Cloudflare: a rule has one action for all routes there (disabled)",
        ],
    );
    let text = fs::read_to_string(folder.0.join("out.json")).unwrap();
    assert!(text.contains("cf.tls_ciphers_sha1 eq"), "{text}");
    assert!(!text.contains("cf.tls_client_ciphers_sha1"), "{text}");
    let (_, plan) = folder.run(&export(&[]));
    assert!(!plan.contains("modes/whole"), "{plan}");
    assert!(!plan.contains("modes/odd"), "{plan}");
    assert_eq!(plan.matches("modes/").count(), 3, "{plan}");
}

#[test]
fn what_is_exported_is_imported_again() {
    let folder = Folder::new("export");
    folder.write("book.toml", OWN);
    folder.case(
        &["rulebook", "export", "book.toml", "--cloudflare", "--out", "out.json"],
        1,
        &[
            "+ rules/office  log",
            "+ rules/many  log",
            "- rules/old  cannot be said at Cloudflare: it reads oci.repository, client.family, which Blobwatch alone has",
            "- rules/around  cannot be said at Cloudflare: it leads requests to another origin",
            "- rules/agents  cannot be said at Cloudflare: it names the list $agents",
            "- lists/agents  cannot be said",
            "wrote out.json",
        ],
    );
    folder.case(
        &["rulebook", "import", "out.json"],
        0,
        &[
            "+ rules/office  tag in monitor",
            "+ rules/many  tag in monitor, above 100 matches in 60 s by client",
            "+ lists/office  1 networks",
        ],
    );
    let export = [
        "rulebook",
        "export",
        "book.toml",
        "--cloudflare",
        "--out",
        "out.json",
        "--enforced",
    ];
    folder.case(&export, 1, &["+ rules/office  skip", "+ rules/many  log"]);
    folder.case(
        &["rulebook", "import", "out.json"],
        0,
        &["+ rules/office  allow in monitor"],
    );
    folder.write("bad.toml", "rules = []\n");
    folder.case(
        &["rulebook", "export", "bad.toml", "--cloudflare"],
        2,
        &["bad.toml: expected a sound rulebook"],
    );
}
