//! Names of Cloudflare's that Blobwatch cannot have, and why: what an error says of them.

/// What a name begins with, and the reason.
const FIELDS: &[(&str, &str)] = &[
    ("http.request.body.", "no rule here reads bodies"),
    (
        "http.request.jwt.",
        "no rule here reads tokens; the registry verifies them",
    ),
    ("http.response.", "rules are decided before the answer"),
    ("cf.response.", "rules are decided before the answer"),
    ("raw.http.response.", "rules are decided before the answer"),
    ("cf.llm.", "no rule here reads bodies"),
    ("cf.random_seed", "an enforcement has a percentage instead"),
    (
        "cf.bot_management.detection_ids",
        "no rule here reads this list; ask for `cf.bot_management.score`",
    ),
    (
        "cf.bot_management.tags",
        "no rule here reads this list; ask for `cf.verified_bot_category`",
    ),
    ("cf.timings.", "rules are decided before the answer"),
    ("cf.waf.content_scan.obj_", "no rule here reads bodies"),
    (
        "cf.appsec.",
        "Cloudflare tells no worker which of its detections failed; keep this rule there",
    ),
    (
        "cf.intel.",
        "Cloudflare tells no worker what it knows of an address; ask for `ip.src in $list` with a list of your own",
    ),
    (
        "http.request.accepted_languages",
        "languages are not sorted here; ask for `http.request.headers[\"accept-language\"][0]`",
    ),
];

const FUNCTIONS: &[(&str, &str)] = &[
    (
        "regex_replace",
        "Cloudflare has it in rewrites only; ask with `matches`",
    ),
    (
        "wildcard_replace",
        "Cloudflare has it in rewrites only; ask with `wildcard`",
    ),
    (
        "encode_base64",
        "it makes values to send, and rules here send none",
    ),
    ("uuidv4", "it makes values to send, and rules here send none"),
    (
        "remove_query_args",
        "it makes values to send, and rules here send none",
    ),
    ("hash_in_range", "an enforcement has a percentage instead"),
    ("bit_slice", "compare with `&`, or with a range of `in`"),
];

pub(super) fn field(name: &str) -> Option<&'static str> {
    FIELDS
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map(|(_, reason)| *reason)
}

pub(super) fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, reason)| *reason)
}
