//! Programs and services that log JSON, and what they call their fields: one table. What is in none of them is inferred.

use crate::entry::Field;

/// One that writes logs of JSON.
#[derive(Debug)]
pub struct Producer {
    pub name: &'static str,
    /// Keys that are in each of its lines for a request, and together in nobody else's.
    marks: &'static [&'static str],
    pub names: &'static [(&'static str, Field)],
}

/// Who wrote a line; none where nobody in the table did.
#[must_use]
pub fn producer(line: &str) -> Option<&'static Producer> {
    producer_of(|key| line.contains(&format!("\"{key}\"")))
}

/// Whose the keys of a line are, by which of them it has.
#[must_use]
pub fn producer_of(has: impl Fn(&str) -> bool) -> Option<&'static Producer> {
    PRODUCERS.iter().find(|of| of.marks.iter().all(|key| has(key)))
}

const PRODUCERS: &[Producer] = &[
    Producer {
        name: "gcp-load-balancer",
        marks: &["httpRequest", "requestUrl"],
        names: GCP,
    },
    Producer {
        name: "traefik",
        marks: &["DownstreamStatus", "RequestPath"],
        names: TRAEFIK,
    },
    Producer {
        name: "caddy",
        marks: &["resp_headers", "uri", "duration"],
        names: CADDY,
    },
    Producer {
        name: "envoy",
        marks: &["response_code", "start_time"],
        names: ENVOY,
    },
    Producer {
        name: "envoy",
        marks: &["@timestamp", "response_code", "upstream_cluster"],
        names: ENVOY,
    },
    Producer {
        name: "azure-front-door",
        marks: &["properties", "requestUri", "httpStatusCode"],
        names: AZURE,
    },
    Producer {
        name: "akamai-cloud-monitor",
        marks: &["message", "reqPath", "cliIP"],
        names: CLOUD_MONITOR,
    },
    Producer {
        name: "akamai-datastream",
        marks: &["reqPath", "cliIP"],
        names: DATASTREAM,
    },
    Producer {
        name: "cloudfront",
        marks: &["cs-uri-stem", "sc-status"],
        names: CLOUDFRONT,
    },
    Producer {
        name: "cloudfront",
        marks: &["cs_uri_stem", "sc_status"],
        names: CLOUDFRONT_PARQUET,
    },
    Producer {
        name: "zeek",
        marks: &["id.orig_h", "status_code", "response_body_len"],
        names: ZEEK,
    },
];

/// cloud.google.com/load-balancing/docs/https/https-logging-monitoring: `timestamp` is when the request arrived, the size
/// is the answer's with its head.
const GCP: &[(&str, Field)] = &[
    ("timestamp", Field::Time),
    ("httpRequest.requestMethod", Field::Method),
    ("httpRequest.requestUrl", Field::Path),
    ("httpRequest.status", Field::Status),
    ("httpRequest.responseSize", Field::Wire),
    ("httpRequest.userAgent", Field::UserAgent),
    ("httpRequest.remoteIp", Field::Address),
    ("httpRequest.latency", Field::Duration),
];

/// doc.traefik.io/traefik/observability/access-logs: headers are kept where the settings say so.
const TRAEFIK: &[(&str, Field)] = &[
    ("time", Field::Finished),
    ("StartUTC", Field::Time),
    ("StartLocal", Field::Time),
    ("RequestMethod", Field::Method),
    ("RequestPath", Field::Path),
    ("DownstreamStatus", Field::Status),
    ("DownstreamContentSize", Field::Bytes),
    ("Duration", Field::Nanoseconds),
    ("ClientAddr", Field::Address),
    ("ClientHost", Field::Address),
    ("request_X-Forwarded-For", Field::Forwarded),
    ("request_User-Agent", Field::UserAgent),
    ("request_Range", Field::Range),
    ("downstream_Content-Range", Field::ContentRange),
    ("downstream_Content-Length", Field::Promised),
];

/// caddyserver.com/docs/caddyfile/directives/log
const CADDY: &[(&str, Field)] = &[
    ("ts", Field::Finished),
    ("request.remote_ip", Field::Address),
    ("request.client_ip", Field::Address),
    ("request.remote_addr", Field::Address),
    ("request.headers.X-Forwarded-For", Field::Forwarded),
    ("request.method", Field::Method),
    ("request.uri", Field::Path),
    ("request.headers.User-Agent", Field::UserAgent),
    ("request.headers.Range", Field::Range),
    ("duration", Field::Seconds),
    ("size", Field::Bytes),
    ("status", Field::Status),
    ("resp_headers.Content-Length", Field::Promised),
    ("resp_headers.Content-Range", Field::ContentRange),
];

/// Istio's JSON, and Envoy's by the same names; Contour calls the start of a request by the usual name.
const ENVOY: &[(&str, Field)] = &[
    ("start_time", Field::Time),
    ("@timestamp", Field::Time),
    ("method", Field::Method),
    ("path", Field::Path),
    ("response_code", Field::Status),
    ("bytes_sent", Field::Bytes),
    ("duration", Field::DurationMs),
    ("downstream_remote_address", Field::Address),
    ("x_forwarded_for", Field::Forwarded),
    ("user_agent", Field::UserAgent),
    ("range", Field::Range),
    ("content_range", Field::ContentRange),
];

/// learn.microsoft.com/azure/frontdoor/monitor-front-door: `time` is when the answer was delivered.
const AZURE: &[(&str, Field)] = &[
    ("time", Field::Finished),
    ("properties.httpMethod", Field::Method),
    ("properties.requestUri", Field::Path),
    ("properties.httpStatusCode", Field::Status),
    ("properties.responseBytes", Field::Wire),
    ("properties.timeTaken", Field::Seconds),
    ("properties.clientIp", Field::Address),
    ("properties.clientIP", Field::Address),
    ("properties.clientCountry", Field::Country),
    ("properties.userAgent", Field::UserAgent),
    ("properties.pop", Field::Colo),
];

/// Akamai's Cloud Monitor. Texts are percent-encoded.
const CLOUD_MONITOR: &[(&str, Field)] = &[
    ("start", Field::Time),
    ("message.reqMethod", Field::Method),
    ("message.reqPath", Field::Path),
    ("message.status", Field::Status),
    ("message.bytes", Field::Bytes),
    ("message.respLen", Field::Promised),
    ("message.cliIP", Field::Address),
    ("message.UA", Field::UserAgent),
    ("reqHdr.range", Field::Range),
    ("respHdr.contRange", Field::ContentRange),
    ("netPerf.downloadTime", Field::DurationMs),
    ("netPerf.asnum", Field::Asn),
    ("geo.country", Field::Country),
];

/// techdocs.akamai.com/datastream2/docs/data-set-parameters: texts are percent-encoded.
const DATASTREAM: &[(&str, Field)] = &[
    ("reqTimeSec", Field::Time),
    ("reqMethod", Field::Method),
    ("reqPath", Field::Path),
    ("statusCode", Field::Status),
    ("bytes", Field::Bytes),
    ("totalBytes", Field::Wire),
    ("rspContentLen", Field::Promised),
    ("transferTimeMSec", Field::DurationMs),
    ("cliIP", Field::Address),
    ("UA", Field::UserAgent),
    ("range", Field::Range),
    ("country", Field::Country),
    ("asn", Field::Asn),
];

/// docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html, and the names of its real-time
/// logs: the bytes are with the answer's head.
pub const CLOUDFRONT: &[(&str, Field)] = &[
    ("x-edge-request-id", Field::Id),
    ("cs(Range)", Field::Range),
    ("date", Field::Date),
    ("time", Field::Clock),
    ("timestamp", Field::Time),
    ("timestamp(ms)", Field::Time),
    ("x-edge-location", Field::Colo),
    ("sc-bytes", Field::Wire),
    ("sc-content-len", Field::Promised),
    ("c-ip", Field::Address),
    ("cs-method", Field::Method),
    ("cs-uri-stem", Field::Path),
    ("cs-uri-query", Field::Query),
    ("sc-status", Field::Status),
    ("cs(User-Agent)", Field::UserAgent),
    ("cs-user-agent", Field::UserAgent),
    ("sc-range-start", Field::RangeStart),
    ("sc-range-end", Field::RangeEnd),
    ("time-taken", Field::Seconds),
    ("c-country", Field::Country),
    ("asn", Field::Asn),
    ("c-asn", Field::Asn),
];

/// The same where names of columns are letters: docs.aws.amazon.com/athena/latest/ug/create-cloudfront-table-manual-parquet.html
const CLOUDFRONT_PARQUET: &[(&str, Field)] = &[
    ("x_edge_request_id", Field::Id),
    ("cs_range", Field::Range),
    ("date", Field::Date),
    ("time", Field::Clock),
    ("timestamp", Field::Time),
    ("timestamp_ms", Field::Time),
    ("x_edge_location", Field::Colo),
    ("sc_bytes", Field::Wire),
    ("sc_content_len", Field::Promised),
    ("c_ip", Field::Address),
    ("cs_method", Field::Method),
    ("cs_uri_stem", Field::Path),
    ("cs_uri_query", Field::Query),
    ("sc_status", Field::Status),
    ("cs_user_agent", Field::UserAgent),
    ("sc_range_start", Field::RangeStart),
    ("sc_range_end", Field::RangeEnd),
    ("time_taken", Field::Seconds),
    ("c_country", Field::Country),
    ("asn", Field::Asn),
    ("c_asn", Field::Asn),
];

/// docs.zeek.org/en/master/logs/http.html: `ts` is when the request was seen, the length is the body's.
pub const ZEEK: &[(&str, Field)] = &[
    ("ts", Field::Time),
    ("uid", Field::Id),
    ("id.orig_h", Field::Address),
    ("method", Field::Method),
    ("uri", Field::Path),
    ("status_code", Field::Status),
    ("response_body_len", Field::Bytes),
    ("user_agent", Field::UserAgent),
];

#[cfg(test)]
mod tests {
    use super::producer;
    use crate::entry::LogEntry;
    use crate::json::Names;

    /// Time, address, path, status and User-Agent of a line, by its producer's names.
    #[track_caller]
    fn case(name: &str, line: &str) {
        let of = producer(line).unwrap();
        assert_eq!(of.name, name);
        let mut names = Names::new(of.names.iter().map(|(name, field)| ((*name).to_owned(), *field)));
        let mut entry = LogEntry::default();
        names.read(line, &mut entry).unwrap();
        assert_eq!(entry.finish(), Ok(1_593_975_600_000), "{name}");
        let path = entry.path.trim_start_matches("https://hub.example.com");
        assert_eq!(
            (path, entry.status),
            ("/v2/a/blobs/sha256:00", Some(206)),
            "{name}"
        );
        assert!(entry.address.starts_with("192.0.2.7"), "{name}");
        assert_eq!(entry.user_agent, "docker/29.1.3", "{name}");
    }

    #[test]
    fn each_is_known_by_its_keys_and_read_by_its_names() {
        case(
            "gcp-load-balancer",
            r#"{"insertId":"1","httpRequest":{"requestMethod":"GET","requestUrl":"https://hub.example.com/v2/a/blobs/sha256:00","status":206,"responseSize":"900","userAgent":"docker/29.1.3","remoteIp":"192.0.2.7","latency":"0.250s"},"timestamp":"2020-07-05T19:00:00Z"}"#,
        );
        case(
            "traefik",
            r#"{"ClientAddr":"192.0.2.7:4000","ClientHost":"192.0.2.7","DownstreamStatus":206,"Duration":2000000000,"RequestMethod":"GET","RequestPath":"/v2/a/blobs/sha256:00","StartUTC":"2020-07-05T19:00:00Z","request_User-Agent":"docker/29.1.3","time":"2020-07-05T19:00:02Z"}"#,
        );
        case(
            "caddy",
            r#"{"level":"info","ts":1593975601.5,"request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/v2/a/blobs/sha256:00","headers":{"User-Agent":["docker/29.1.3"],"Range":["bytes=5-"]}},"duration":1.5,"size":400,"status":206,"resp_headers":{"Content-Length":["400"]}}"#,
        );
        case(
            "envoy",
            r#"{"bytes_sent":358,"downstream_remote_address":"192.0.2.7:43612","duration":15,"method":"GET","path":"/v2/a/blobs/sha256:00","response_code":206,"start_time":"2020-07-05T19:00:00.000Z","user_agent":"docker/29.1.3","x_forwarded_for":null}"#,
        );
        case(
            "azure-front-door",
            r#"{"time":"2020-07-05T19:00:02Z","category":"FrontDoorAccessLog","properties":{"httpMethod":"GET","requestUri":"https://hub.example.com/v2/a/blobs/sha256:00","responseBytes":"700","userAgent":"docker/29.1.3","clientIp":"192.0.2.7","timeTaken":"2.0","pop":"MIA","httpStatusCode":"206"}}"#,
        );
        case(
            "akamai-cloud-monitor",
            r#"{"type":"cloud_monitor","start":"1593975600.000","message":{"status":"206","cliIP":"192.0.2.7","reqMethod":"GET","reqPath":"/v2/a/blobs/sha256:00","bytes":"400","UA":"docker/29.1.3"},"geo":{"country":"us"}}"#,
        );
        case(
            "akamai-datastream",
            r#"{"version":1,"reqTimeSec":"1593975600.000","cliIP":"192.0.2.7","reqMethod":"GET","reqPath":"/v2/a/blobs/sha256:00","statusCode":"206","bytes":"400","UA":"docker/29.1.3"}"#,
        );
        case(
            "cloudfront",
            r#"{"date":"2020-07-05","time":"19:00:00","c-ip":"192.0.2.7","cs-method":"GET","cs-uri-stem":"/v2/a/blobs/sha256:00","sc-status":"206","cs(User-Agent)":"docker/29.1.3"}"#,
        );
        case(
            "cloudfront",
            r#"{"date":"2020-07-05","time":"19:00:00","c_ip":"192.0.2.7","cs_method":"GET","cs_uri_stem":"/v2/a/blobs/sha256:00","sc_status":"206","cs_user_agent":"docker/29.1.3"}"#,
        );
        case(
            "zeek",
            r#"{"ts":1593975600.0,"uid":"CfvL","id.orig_h":"192.0.2.7","id.orig_p":4000,"id.resp_h":"10.0.0.9","method":"GET","uri":"/v2/a/blobs/sha256:00","user_agent":"docker/29.1.3","response_body_len":400,"status_code":206}"#,
        );
    }
}
