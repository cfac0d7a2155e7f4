//! The parameters of the table's calls, in the groups in which calls take them.

use super::parameter::{ApiParameter, Occurs, ParameterValue};
use crate::MAX_LIMIT;
use ParameterValue::{Text, Texts, Time, Whole, Word, Words};

type Parameters = &'static [ApiParameter];

const EXPORTED: u64 = 1_000_000;

/// JSON of programs in JavaScript is exact up to here.
const MAX_EXACT: u64 = (1 << 53) - 1;

const CURSOR: ApiParameter = once("cursor", Text, "`next_cursor` of the page before");
const SINCE: ApiParameter = once("since", Time, "From this time on");
const UNTIL: ApiParameter = once("until", Time, "Before this time");
const FORMAT: ApiParameter = once(
    "format",
    Word(&["json", "ndjson"]),
    "`json` is a page; `ndjson` is a stream of one item a line",
);

const MODES: &[&str] = &["off", "monitor", "enforce"];
const ORIGINS: &[&str] = &["own", "upstream"];
const VERDICTS: &[&str] = &["none", "tag", "allow", "detour", "throttle", "block"];
const RANGES: &[&str] = &[
    "none", "whole", "probe", "tile", "chunk", "scatter", "multi", "suffix", "resume", "repeat", "restart",
    "invalid",
];
const SIZES: &[&str] = &[
    "",
    "under 1 MiB",
    "1 MiB to 64 MiB",
    "64 MiB to 1 GiB",
    "over 1 GiB",
];
const CACHES: &[&str] = &[
    "",
    "hit",
    "miss",
    "expired",
    "stale",
    "bypass",
    "dynamic",
    "revalidated",
    "updating",
    "none",
];
/// What records are grouped by, as `by` has it.
pub const DIMENSIONS: [&str; 25] = [
    "rule",
    "route",
    "family",
    "os",
    "asn",
    "country",
    "colo",
    "mode",
    "origin",
    "verdict",
    "status",
    "range",
    "fingerprint",
    "sent_to",
    "served_by",
    "cache",
    "version",
    "protocol",
    "cloud",
    "cloud_region",
    "ip_version",
    "repository",
    "digest",
    "size",
    "tcp",
];
const ATTRIBUTES: &[&str] = &["route", "colo", "country", "asn", "family", "os", "fingerprint"];
/// Those, and what requests have beside them.
const COHORT_ATTRIBUTES: &[&str] = &[
    "route",
    "colo",
    "country",
    "asn",
    "family",
    "os",
    "fingerprint",
    "version",
    "cloud",
    "cloud_region",
    "served_by",
    "protocol",
    "ip_version",
    "repository",
    "digest",
    "size",
    "tcp",
];
const RATES: &[&str] = &[
    "resume_surge",
    "stall_surge",
    "restart_surge",
    "range_refused",
    "abort_surge",
    "start_failed",
    "start_refused",
    "target_unreached",
    "range_loop",
    "slow_surge",
    "content_suspect",
];
const KINDS: &[&str] = &[
    "resume_surge",
    "stall_surge",
    "restart_surge",
    "range_refused",
    "abort_surge",
    "traffic_cliff",
    "rule_harm",
    "start_failed",
    "start_refused",
    "target_unreached",
    "range_loop",
    "slow_surge",
    "content_suspect",
];

/// Of lists.
pub(super) const PAGE: Parameters = &[
    CURSOR,
    limit(MAX_LIMIT as u64, "Items of the page; 100 unless given"),
];

/// Of the list of previews, which are long.
pub(super) const PREVIEW_PAGE: Parameters = &[
    CURSOR,
    limit(MAX_LIMIT as u64, "Items of the page; 20 unless given"),
];

/// Of changes.
pub(super) const REASON: Parameters = &[once("reason", Text, "For the audit log; up to 1,000 bytes")];

pub(super) const DRY_RUN: Parameters = &[once(
    "dry_run",
    Word(&["false", "true"]),
    "Answer with the plan, and change nothing",
)];

pub(super) const REVISION: Parameters = &[once(
    "revision",
    Whole {
        least: 0,
        most: MAX_EXACT,
    },
    "The rulebook of this revision; 0 is the one that ships",
)];

pub(super) const AUDIT: Parameters = &[
    FORMAT,
    once(
        "after",
        Whole {
            least: 0,
            most: MAX_EXACT,
        },
        "With `ndjson`: begin after the entry of this number",
    ),
];

pub(super) const RECORD_PAGE: Parameters = &[
    CURSOR,
    limit(
        EXPORTED,
        "Records of the page, up to 1,000 and 100 unless given; with `ndjson` of the export, 10,000 unless given",
    ),
    FORMAT,
    once(
        "schema",
        Word(&["blobwatch", "ocsf", "ecs", "logpush", "otlp"]),
        "In whose words a line of `ndjson` is: `blobwatch` unless given",
    ),
];

pub(super) const GROUPS: Parameters = &[
    ApiParameter {
        occurs: Occurs::Required,
        ..once("by", Words(&DIMENSIONS, 4), "What records are grouped by")
    },
    limit(500, "Groups of the answer, largest first; 100 unless given"),
];

/// Which records.
pub(super) const FILTERS: Parameters = &[
    SINCE,
    UNTIL,
    filter("route", Text, "Name of the route"),
    filter(
        "rule",
        Text,
        "A rule that fired; `<source>:<rule>` is another party's",
    ),
    filter("mode", Word(MODES), "Mode of a rule that fired"),
    filter("origin", Word(ORIGINS), "Whose rule fired"),
    filter("verdict", Word(VERDICTS), "What was done to the request"),
    filter("family", Text, "Client family"),
    filter("version", Text, "Version of the client; empty for none"),
    filter("os", Text, "Operating system; empty for none"),
    filter("asn", Text, "AS number, `16509` or `AS16509`; empty for none"),
    filter("country", Text, "Country code; empty for none"),
    filter("colo", Text, "Data centre; empty for none"),
    filter("cloud", Text, "`aws`, `azure` or `gcp`; empty for none"),
    filter("cloud_region", Text, "Region of the cloud; empty for none"),
    filter("ip_version", Word(&["", "4", "6"]), "IP version; empty for none"),
    filter(
        "protocol",
        Text,
        "`HTTP/1.1`, `HTTP/2`, `HTTP/3`, or `h1`, `h2`, `h3`; empty for none",
    ),
    filter("fingerprint", Text, "Fingerprint of the client"),
    filter("tcp", Text, "TCP signature; empty for none"),
    filter("ray", Text, "CF-Ray, with or without its data centre"),
    filter(
        "status",
        Text,
        "A status, a class such as `4xx`, or 0 for no answer",
    ),
    filter("range", Word(RANGES), "Range kind"),
    filter(
        "size",
        Word(SIZES),
        "Class of the blob's size; empty if it is not known",
    ),
    filter("digest", Text, "Digest of the blob"),
    filter(
        "object",
        Text,
        "Object of a record, which stands for a digest: 16 hex digits",
    ),
    filter("repository", Text, "Name of the repository"),
    filter("client", Text, "Client key: 16 hex digits"),
    filter(
        "odd_path",
        Word(&["false", "true"]),
        "Whether the path was written in an odd way",
    ),
    filter("sent_to", Text, "Host that a redirect led to; empty for none"),
    filter(
        "served_by",
        Text,
        "`origin:<host>`, `detour:<host>` or `redirect:<host>`; empty for none",
    ),
    filter(
        "cache",
        Word(CACHES),
        "What the cache in front of the origin said; empty for none",
    ),
    ApiParameter {
        occurs: Occurs::Repeated,
        ..once("id", Text, "Id of a record: 26 characters")
    },
];

/// Of the addresses of clients.
pub(super) const CLIENT: Parameters = &[once("client", Text, "Client key: 16 hex digits")];

pub(super) const ANOMALIES: Parameters = &[
    once(
        "status",
        Word(&["open", "closed"]),
        "Only open ones, or only closed ones",
    ),
    once("kind", Word(KINDS), "Only those that have this kind"),
    once("route", Text, "Only those that may concern this route"),
    SINCE,
    UNTIL,
];

/// Which counts of the Detector.
pub(super) const COUNTS: Parameters = &[
    once("route", Texts, "Names of routes"),
    once("colo", Texts, "Data centres"),
    once("country", Texts, "Country codes"),
    once("asn", Texts, "AS numbers"),
    once("family", Texts, "Client families"),
    once("os", Texts, "Operating systems"),
    once("fingerprint", Texts, "Fingerprints"),
];

pub(super) const SERIES: Parameters = &[
    once(
        "step",
        Whole {
            least: 10,
            most: 604_800,
        },
        "Seconds of one step",
    ),
    BY,
];

/// Of what is usual in an hour.
pub(super) const HOUR: Parameters = &[UNTIL];
pub(super) const ONE_BY: Parameters = &[BY];

const BY: ApiParameter = once(
    "by",
    Word(ATTRIBUTES),
    "One series for each value of this attribute",
);

pub(super) const AXES: Parameters = &[
    once(
        "kind",
        Word(RATES),
        "Events of this kind; `resume_surge` unless given",
    ),
    once("x", Word(COHORT_ATTRIBUTES), "First axis; `colo` unless given"),
    once("y", Word(COHORT_ATTRIBUTES), "Second axis; `os` unless given"),
];

/// Of sampled requests.
pub(super) const SAMPLED: Parameters = &[
    once(
        "version",
        Texts,
        "Versions, each after its family: `docker/20.10.7`",
    ),
    once("cloud", Texts, "Clouds"),
    once("cloud_region", Texts, "Regions of clouds"),
    once(
        "served_by",
        Texts,
        "`origin:<host>`, `detour:<host>` or `redirect:<host>`",
    ),
    once("protocol", Texts, "Protocols, such as `HTTP/2`"),
    once("ip_version", Texts, "`4` or `6`"),
    once("repository", Texts, "Names of repositories"),
    once("digest", Texts, "Digests of blobs"),
    once("size", Texts, "Classes of sizes"),
    once("tcp", Text, "A TCP signature"),
];

pub(super) const WINDOW: Parameters = &[SINCE, UNTIL];

/// Of signing out.
pub(super) const NAME: Parameters = &[once(
    "name",
    Text,
    "End all sessions of this name instead of one's own",
)];

pub(super) const READY: Parameters = &[once(
    "ready",
    Text,
    "Answer 503 where something needs an operator",
)];

const fn once(name: &'static str, value: ParameterValue, about: &'static str) -> ApiParameter {
    ApiParameter::once(name, value, about)
}

const fn filter(name: &'static str, value: ParameterValue, about: &'static str) -> ApiParameter {
    ApiParameter::filter(name, value, about)
}

const fn limit(most: u64, about: &'static str) -> ApiParameter {
    once("limit", Whole { least: 1, most }, about)
}
