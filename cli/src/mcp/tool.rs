//! The tools: what they are called, what they take, and which call of the API answers them.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool as ToolDefinition, ToolAnnotations};

use super::bodies;
use super::calls::{self, Call};
use crate::api::Api;
use crate::preview::Candidate;
use crate::problem::Problem;

/// One tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// For the model that chooses among them.
    about: &'static str,
    /// The call of the API, where its parameters are the tool's arguments.
    pub(super) call: Call,
    arguments: fn(&Self) -> JsonObject,
    pub(super) ask: fn(&Self, &Api, JsonObject) -> Result<String, Problem>,
    /// Whether it leaves everything as it is; a preview is kept in a list of previews.
    is_reading: bool,
}

/// Items of a page unless the client says otherwise, and at most: records have some 700 bytes, anomalies 3 KB, previews 5 KB.
const RECORDS: calls::Limit = calls::Limit { usual: 20, most: 100 };
const GROUPS: calls::Limit = calls::Limit { usual: 50, most: 500 };
const ANOMALIES: calls::Limit = calls::Limit { usual: 10, most: 50 };
const RULES: calls::Limit = calls::Limit { usual: 50, most: 200 };
const PREVIEWS: calls::Limit = calls::Limit { usual: 5, most: 20 };

pub(super) const TOOLS: &[Tool] = &[
    reading(
        "anomalies",
        "What is wrong with pulls, newest first: kind, cohort, since when, how many clients, which rules correlate, and a \
         sentence. `coverage` says what the detector can see. Without arguments: open and closed ones.",
        Call::paged("anomalies", "anomalies", ANOMALIES),
    ),
    reading(
        "report",
        "The report of one anomaly in Markdown: what, who, since when, evidence, suspected rules, and what to do.",
        Call::text("anomalies/{id}/report", "anomalies/{id}/report"),
    ),
    reading(
        "requests",
        "Records of requests, newest first: who asked for what, what was answered, and which rules fired. Values of one filter \
         are alternatives; different filters all hold.",
        Call::paged("requests", "requests", RECORDS),
    ),
    reading(
        "fires",
        "Records of the requests that a rule fired on, ours or another party's (CDN, WAF), newest first. Takes what `requests` \
         takes.",
        Call::paged("fires", "fires", RECORDS),
    ),
    reading(
        "summary",
        "Counts of requests and clients, grouped by one to four attributes, largest groups first.",
        Call::paged("{of}/summary", "requests/summary", GROUPS),
    ),
    reading(
        "record",
        "One record by its id, and why the request was handled as it was: route, each rule, pull history.",
        Call::single("requests/{id}", "requests/{id}"),
    ),
    Tool {
        name: "compare",
        about: "What is different about a selection of requests against the rest: the cohorts that explain it, and each attribute's \
                shares in both. For instance filters {\"status\": [\"5xx\"]} asks who gets errors.",
        call: Call::NONE,
        arguments: |_| bodies::schema::<bodies::Compare>(),
        ask: |_, api, arguments| bodies::compare(api, arguments),
        is_reading: true,
    },
    reading(
        "rules",
        "The rules: expression, action, version, and their mode (off, monitor, enforce) on each route.",
        Call::paged("rules", "rules", RULES),
    ),
    Tool {
        name: "explain",
        about: "What each rule would do with a request that you write as a curl command line, and why. `expression` asks a rule \
                that is not stored too.",
        call: Call::NONE,
        arguments: |_| bodies::schema::<bodies::Explain>(),
        ask: |_, api, arguments| bodies::explain(api, arguments),
        is_reading: true,
    },
    Tool {
        name: "preview",
        about: "Whom a rule would hit if it were enforced, from stored records: begins a preview and waits for it. Nothing \
                changes for pulls. Needs a token of the role analyst. If it still runs, ask `preview_result` later.",
        call: Call::NONE,
        arguments: |_| bodies::schema::<Candidate>(),
        ask: |_, api, arguments| bodies::preview(api, arguments),
        is_reading: false,
    },
    reading(
        "preview_result",
        "One preview by its id: progress, or whom the rule would hit.",
        Call::single("previews/{id}", "previews/{id}"),
    ),
    reading(
        "previews",
        "The previews that were begun, newest first.",
        Call::paged("previews", "previews", PREVIEWS),
    ),
];

const fn reading(name: &'static str, about: &'static str, call: Call) -> Tool {
    Tool {
        name,
        about,
        call,
        arguments: |tool| calls::schema(&tool.call),
        ask: |tool, api, arguments| calls::ask(&tool.call, api, &arguments),
        is_reading: true,
    }
}

pub(super) fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

impl Tool {
    pub(super) fn definition(&self) -> ToolDefinition {
        let annotations = ToolAnnotations::new()
            .read_only(self.is_reading)
            .destructive(false)
            .open_world(false);
        ToolDefinition::new(self.name, self.about, Arc::new((self.arguments)(self)))
            .with_annotations(annotations)
    }
}
