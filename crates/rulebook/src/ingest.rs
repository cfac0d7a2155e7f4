//! Mappings: how any JSON that is pushed to `ingest/v1/<name>` says what a request was and which rule fired on it.
//!
//! In scope: the mapping and what it must hold. Not in scope: reading lines by it (`crates/upstream`).

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::name::check_name;
use super::validate::Faults;

/// Sources with a mapping of their own. One has at most 17 pointers of 256 bytes: 140 KB of a document's 2 MB.
const MAX_MAPPINGS: usize = 32;

/// Bytes of one pointer.
const MAX_POINTER: usize = 256;

/// Names in a pointer: a line is walked as deep as this.
const MAX_DEPTH: usize = 5;

/// Sources whose forms are known by name; others have a mapping.
pub const KNOWN_SOURCES: [&str; 5] = ["akamai", "aws-waf", "cloud-armor", "cloudflare", "fastly"];

/// Where a line has what, as JSON pointers (RFC 6901) to members of objects. Without `rule`, lines tell of whole requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IngestMapping {
    pub time: String,
    /// A name, or a list of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What the rule did, in the source's own word; a list beside a list of rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The id that the request has everywhere: Cloudflare's ray.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ray: Option<String>,
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A path or a URL.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colo: Option<String>,
    /// Bytes of the body that were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    /// The request's Range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The answer's Content-Range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_range: Option<String>,
}

impl IngestMapping {
    /// What is mapped, by the name of the field.
    pub fn pointers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pointers = [
            ("time", Some(&self.time)),
            ("rule", self.rule.as_ref()),
            ("action", self.action.as_ref()),
            ("description", self.description.as_ref()),
            ("ray", self.ray.as_ref()),
            ("address", Some(&self.address)),
            ("host", self.host.as_ref()),
            ("path", Some(&self.path)),
            ("method", self.method.as_ref()),
            ("status", self.status.as_ref()),
            ("user_agent", self.user_agent.as_ref()),
            ("asn", self.asn.as_ref()),
            ("country", self.country.as_ref()),
            ("colo", self.colo.as_ref()),
            ("bytes", self.bytes.as_ref()),
            ("range", self.range.as_ref()),
            ("content_range", self.content_range.as_ref()),
        ];
        pointers
            .into_iter()
            .filter_map(|(name, pointer)| Some((name, pointer?.as_str())))
    }
}

/// Everything that is wrong with mappings.
pub(super) fn mappings(faults: &mut Faults, mappings: &BTreeMap<String, IngestMapping>) {
    if mappings.len() > MAX_MAPPINGS {
        let message = format!(
            "expected at most {MAX_MAPPINGS} mappings, found {}",
            mappings.len()
        );
        faults.add("settings.ingest", message);
    }
    for (name, mapping) in mappings {
        let place = format!("settings.ingest.{name}");
        if let Err(expected) = check_name(name) {
            faults.add(&place, format!("expected {expected}, found {name:?}"));
        }
        if KNOWN_SOURCES.contains(&&**name) {
            faults.add(
                &place,
                "expected another name: the form of this source is known without a mapping",
            );
        }
        one_mapping(faults, &place, mapping);
    }
}

fn one_mapping(faults: &mut Faults, place: &str, mapping: &IngestMapping) {
    let mut seen = HashSet::new();
    for (field, pointer) in mapping.pointers() {
        let place = format!("{place}.{field}");
        if let Err(expected) = check_pointer(pointer) {
            faults.add(&place, format!("expected {expected}, found {pointer:?}"));
        }
        if !seen.insert(pointer) {
            faults.add(&place, format!("{pointer:?} is mapped twice"));
        }
    }
    if mapping.rule.is_none() && mapping.status.is_none() {
        let message = "expected a pointer: a line without a rule tells of a request and how it was answered";
        faults.add(format!("{place}.status"), message);
    }
}

fn check_pointer(pointer: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let is_member = |part: &&str| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit());
    if !pointer.starts_with('/') || pointer.len() > MAX_POINTER || parts.len() > MAX_DEPTH {
        return Err("a JSON pointer such as /http/request/path, of at most 5 names and 256 bytes");
    }
    if parts.iter().all(is_member) {
        Ok(())
    } else {
        Err("a pointer to a member of objects: lists are read whole")
    }
}
