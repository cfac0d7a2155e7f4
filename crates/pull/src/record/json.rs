//! The record as the API writes it: names and order of docs/records.md, absent values as `null`.

use serde::{Serialize, Serializer};

use super::{Fired, Method, Outcome, RangeRecord, Record, RecordId};
use crate::action::Action;
use crate::cache::Cache;
use crate::client::{ClientKey, NetworkKey};
use crate::range::RangeKind;
use crate::user_agent::Family;
use blobwatch_wire::rfc3339;

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RequestRecord")
)]
struct Json<'a> {
    id: RecordId,
    time: String,
    ray: Option<&'a str>,
    route: &'a str,
    repository: Option<&'a str>,
    digest: Option<&'a str>,
    object: Option<String>,
    odd_path: bool,
    method: Method,
    status: Option<u16>,
    range: RangeJson,
    size: Option<u64>,
    promised: Option<u64>,
    outcome: Outcome,
    duration_ms: u32,
    sent_to: Option<&'a str>,
    served_by: Option<&'a str>,
    cache: Option<Cache>,
    client: ClientKey,
    network: NetworkKey,
    asn: Option<u32>,
    country: Option<&'a str>,
    colo: Option<&'a str>,
    cloud: Option<&'a str>,
    cloud_region: Option<&'a str>,
    ip_version: Option<u8>,
    protocol: Option<&'a str>,
    rtt_ms: Option<u32>,
    delivery_rate: Option<u64>,
    family: Family,
    version: Option<&'a str>,
    os: Option<&'a str>,
    arch: Option<&'a str>,
    fingerprint: Option<&'a str>,
    ja4: Option<&'a str>,
    tcp: Option<&'a str>,
    fired: &'a [Fired],
    verdict: Action,
    revision: u64,
    degraded: bool,
    weight: u32,
    seen: bool,
}

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RecordRange")
)]
struct RangeJson {
    kind: RangeKind,
    start: Option<u64>,
    end: Option<u64>,
    honoured: Option<bool>,
}

impl From<RangeRecord> for RangeJson {
    fn from(range: RangeRecord) -> Self {
        let RangeRecord {
            kind,
            start,
            end,
            honoured,
        } = range;
        Self {
            kind,
            start,
            end,
            honoured,
        }
    }
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Record {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Json::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Json::json_schema(generator)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json {
            id: self.id,
            time: rfc3339(self.id.time_ms()),
            ray: present(&self.ray),
            route: &self.route,
            repository: present(&self.repository),
            digest: present(&self.digest),
            object: (self.object != 0).then(|| format!("{:016x}", self.object)),
            odd_path: self.odd_path,
            method: self.method,
            status: (self.status != 0).then_some(self.status),
            range: self.range.into(),
            size: self.size,
            promised: self.promised,
            outcome: self.outcome,
            duration_ms: self.duration_ms,
            sent_to: present(&self.sent_to),
            served_by: present(&self.served_by),
            cache: self.cache,
            client: self.client,
            network: self.network,
            asn: self.asn,
            country: present(&self.country),
            colo: present(&self.colo),
            cloud: present(&self.cloud),
            cloud_region: present(&self.cloud_region),
            ip_version: self.ip_version,
            protocol: present(&self.protocol),
            rtt_ms: self.rtt_ms,
            delivery_rate: self.delivery_rate,
            family: self.family,
            version: present(&self.version),
            os: present(&self.os),
            arch: present(&self.arch),
            fingerprint: present(&self.fingerprint),
            ja4: present(&self.ja4),
            tcp: present(&self.tcp),
            fired: &self.fired,
            verdict: self.verdict,
            revision: self.revision,
            degraded: self.degraded,
            weight: self.weight,
            seen: self.seen,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use crate::sample;

    /// Exports of operators read these names: a change here is a new version of the API.
    #[test]
    fn the_json_form_is_pinned() {
        let golden = include_str!("../../tests/data/record.json");
        assert_eq!(serde_json::to_string(&sample::full()).unwrap(), golden.trim_end());
    }

    #[test]
    fn a_redirect_says_where_it_leads_and_an_object_has_no_digest() {
        let of = |record| serde_json::to_value(record).unwrap();
        let redirected = of(sample::redirected());
        assert_eq!(redirected["sent_to"], "cdn.example");
        assert_eq!(redirected["served_by"], "origin:origin.example");
        assert_eq!(redirected["cache"], "dynamic");
        let object = of(sample::object());
        assert_eq!(object["repository"], serde_json::Value::Null);
        assert_eq!(object["digest"], serde_json::Value::Null);
        assert_eq!(object["object"], "0123456789abcdef");
    }

    #[test]
    fn absent_values_are_null() {
        let golden = include_str!("../../tests/data/record_sparse.json");
        assert_eq!(
            serde_json::to_string(&sample::sparse()).unwrap(),
            golden.trim_end()
        );
    }
}
