//! What the variables of format strings mean: nginx's, Apache's and Envoy's.

use crate::entry::Field;

/// What a value of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Field(Field),
    /// Headers that HAProxy captured, with bars between them.
    Captured,
    Skip,
}

/// A variable of nginx, or one of ours where nginx has none for it.
pub(crate) fn nginx(name: &str) -> Slot {
    let field = match name {
        "captured" => return Slot::Captured,
        // Ours: when a request was made, which nginx does not log.
        "time" => Field::Time,
        "time_local" | "time_iso8601" | "msec" => Field::Finished,
        "date" => Field::Date,
        "clock" => Field::Clock,
        "request" => Field::Request,
        "request_method" => Field::Method,
        "request_uri" | "uri" | "document_uri" => Field::Path,
        "status" => Field::Status,
        "body_bytes_sent" => Field::Bytes,
        "bytes_sent" => Field::Wire,
        "size" => Field::Size,
        "sent_http_content_length" | "upstream_http_content_length" => Field::Promised,
        "http_range" => Field::Range,
        "sent_http_content_range" | "upstream_http_content_range" => Field::ContentRange,
        "remote_addr" | "binary_remote_addr" => Field::Address,
        "http_x_forwarded_for"
        | "http_forwarded"
        | "proxy_add_x_forwarded_for"
        | "http_x_real_ip"
        | "the_real_ip"
        | "http_true_client_ip"
        | "http_cf_connecting_ip" => Field::Forwarded,
        "http_user_agent" => Field::UserAgent,
        "request_time" => Field::Seconds,
        "ms" => Field::DurationMs,
        "duration" => Field::Duration,
        "request_id" | "req_id" => Field::Id,
        "geoip_country_code" | "geoip2_data_country_code" | "http_cf_ipcountry" => Field::Country,
        _ => return Slot::Skip,
    };
    Slot::Field(field)
}

/// `%letter` or `%{argument}letter` of Apache.
pub(crate) fn apache(letter: char, argument: &str) -> Slot {
    let is = |name: &str| argument.eq_ignore_ascii_case(name);
    let field = match letter {
        'h' | 'a' => Field::Address,
        't' if argument.starts_with("end:") => Field::Finished,
        't' => Field::Time,
        'r' => Field::Request,
        'm' => Field::Method,
        'U' => Field::Path,
        's' => Field::Status,
        'b' | 'B' => Field::Bytes,
        'O' => Field::Wire,
        'D' => Field::Microseconds,
        'T' if is("ms") => Field::DurationMs,
        'T' if is("us") => Field::Microseconds,
        'T' => Field::Seconds,
        'i' if is("User-Agent") => Field::UserAgent,
        'i' if is("Range") => Field::Range,
        'i' if is("X-Forwarded-For") || is("X-Real-IP") || is("Forwarded") => Field::Forwarded,
        'o' if is("Content-Range") => Field::ContentRange,
        'o' if is("Content-Length") => Field::Promised,
        _ => return Slot::Skip,
    };
    Slot::Field(field)
}

/// `%NAME(argument)%` of Envoy; of `A?B` the first that is known.
pub(crate) fn envoy(name: &str, argument: &str) -> Slot {
    let header = |known: &str| argument.split('?').any(|one| one.eq_ignore_ascii_case(known));
    let field = match name {
        "START_TIME" => Field::Time,
        "RESPONSE_CODE" => Field::Status,
        "BYTES_SENT" => Field::Bytes,
        "DURATION" => Field::DurationMs,
        "REQ" if header(":METHOD") => Field::Method,
        "REQ" if header(":PATH") => Field::Path,
        "REQ" if header("X-FORWARDED-FOR") || header("FORWARDED") => Field::Forwarded,
        "REQ" if header("USER-AGENT") => Field::UserAgent,
        "REQ" if header("RANGE") => Field::Range,
        "RESP" if header("CONTENT-RANGE") => Field::ContentRange,
        "RESP" if header("CONTENT-LENGTH") => Field::Promised,
        "DOWNSTREAM_REMOTE_ADDRESS"
        | "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"
        | "DOWNSTREAM_DIRECT_REMOTE_ADDRESS" => Field::Address,
        "REQUEST_ID" | "STREAM_ID" => Field::Id,
        _ => return Slot::Skip,
    };
    Slot::Field(field)
}
