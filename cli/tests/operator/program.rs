//! The program, and a deployment that it calls: the API of `crates/rule-book` on a database of this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use blobwatch_rule_book::{RuleBookStore, answer, export_audit, export_begin};
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::Native;

use crate::local_api::{Answer, Call, TOKEN, serve};

const NOW: u64 = 1_593_975_600_000;

fn deployment() -> String {
    serve(|| {
        let starter = r#"{"schema":1,"revision":0,"routes":[{"name":"default"},{"name":"hub","repository":"library/**"}],
            "rules":[{"id":"sweep","version":1,"description":"d","expression":"ssl","action":"block"}],"modes":[]}"#;
        let starter = Rulebook::from_json(starter).unwrap();
        let store = RuleBookStore::open(Native::in_memory().unwrap(), &starter, NOW).unwrap();
        move |call: &Call| answered(call, &store)
    })
}

fn answered(call: &Call, store: &RuleBookStore<Native>) -> Answer {
    if call.path == "audit"
        && let Some(after) = export_begin(&call.query).unwrap()
    {
        return Answer {
            status: 200,
            media: "application/x-ndjson",
            body: export(store, after),
        };
    }
    if call.path.starts_with("previews") {
        // The previews are another object's than the rulebook's: here one is done when it is asked for again.
        let status = if call.method == "POST" { "running" } else { "done" };
        let preview = serde_json::json!({"id": "pv-7", "status": status, "matched_requests": 5, "sentence": "would hit 2 clients",
            "rule": serde_json::from_str::<serde_json::Value>(&call.body).unwrap_or_default(), "revision": 1});
        return Answer::json(202, preview.to_string());
    }
    match answer(store, &call.of_rule_book(NOW + 60_000)) {
        Ok(reply) => Answer::json(reply.status, reply.body),
        Err(problem) => Answer {
            status: problem.status,
            media: "application/problem+json",
            body: serde_json::to_string(&problem).unwrap(),
        },
    }
}

fn export(store: &RuleBookStore<Native>, mut after: u64) -> String {
    let mut lines = String::new();
    loop {
        let step = export_audit(store, after).unwrap();
        lines.push_str(&step.lines);
        match step.after {
            Some(next) => after = next,
            None => return lines,
        }
    }
}

pub(crate) struct Program {
    folder: PathBuf,
    pub(crate) url: String,
}

impl Program {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operator").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            url: deployment(),
        }
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_blobwatch"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("BLOBWATCH_URL", &self.url)
            .env("BLOBWATCH_TOKEN", TOKEN)
            .output()
            .unwrap()
    }

    /// Exit code, and what was written to both.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.output(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    pub(crate) fn case(&self, arguments: &[&str], code: i32, says: &str) {
        let (found, text) = self.run(arguments);
        assert!(
            found == code && text.contains(says),
            "{arguments:?}: {found}\n{text}"
        );
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }
}
