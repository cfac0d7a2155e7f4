//! Forms in which the requests of a log are written, as the programs write them: with fields that `replay` does not need.

use super::traffic::{BEGIN_S, Request};

/// A form of logs, as one line of a request.
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) line: fn(&Request) -> String,
    /// Whether resumes can be seen in it.
    pub(super) has_parts: bool,
}

pub(super) const COMBINED: Form = Form {
    name: "combined log",
    line: combined,
    has_parts: true,
};

pub(super) const WITH_RANGES: Form = Form {
    name: "combined log with ranges",
    line: with_ranges,
    has_parts: true,
};

/// Every other kind of reading lines: JSON flat and nested, text by a format string, and pairs.
pub(super) const OTHERS: [Form; 6] = [
    Form {
        name: "Logpush",
        line: logpush,
        has_parts: true,
    },
    Form {
        name: "Caddy",
        line: caddy,
        has_parts: true,
    },
    Form {
        name: "Envoy, JSON",
        line: envoy,
        has_parts: true,
    },
    Form {
        name: "Google's load balancer",
        line: google,
        has_parts: false,
    },
    Form {
        name: "ALB",
        line: alb,
        has_parts: false,
    },
    Form {
        name: "distribution, logfmt",
        line: distribution,
        has_parts: true,
    },
];

fn combined(request: &Request) -> String {
    format!(
        "{} - - [05/Jul/2020:{} +0000] \"GET {} HTTP/1.1\" {} {} \"-\" \"{}\"",
        request.address(),
        clock(request),
        request.path(),
        request.status(),
        request.sent(),
        request.agent()
    )
}

fn with_ranges(request: &Request) -> String {
    let (asked, answered) = ranges(request);
    format!(
        "{} \"{}\" \"{}\"",
        combined(request),
        asked.as_deref().unwrap_or("-"),
        answered.as_deref().unwrap_or("-")
    )
}

fn logpush(request: &Request) -> String {
    let (asked, answered) = ranges(request);
    let header = |name: &str, value: Option<String>| {
        value.map_or_else(String::new, |value| format!("\"{name}\":\"{value}\""))
    };
    let (time, clock) = (BEGIN_S + request.second, clock(request));
    format!(
        "{{\"CacheCacheStatus\":\"hit\",\"ClientASN\":64500,\"ClientCountry\":\"us\",\"ClientIP\":\"{}\",\
         \"ClientRequestHost\":\"hub.example.com\",\"ClientRequestMethod\":\"GET\",\"ClientRequestProtocol\":\"HTTP/2\",\
         \"ClientRequestURI\":\"{}\",\"ClientRequestUserAgent\":{},\"EdgeColoCode\":\"IAD\",\
         \"EdgeEndTimestamp\":\"2020-07-05T{clock}Z\",\"EdgeResponseBodyBytes\":{},\"EdgeResponseBytes\":{},\
         \"EdgeResponseStatus\":{},\"EdgeStartTimestamp\":\"2020-07-05T{clock}Z\",\"OriginResponseStatus\":0,\
         \"RayID\":\"58d{time:013x}\",\"RequestHeaders\":{{{}}},\"ResponseHeaders\":{{{}}},\"WorkerSubrequest\":false}}",
        request.address(),
        request.path(),
        text(&request.agent()),
        request.sent(),
        request.sent() + HEAD,
        request.status(),
        header("range", asked),
        header("content-range", answered)
    )
}

fn caddy(request: &Request) -> String {
    let (asked, answered) = ranges(request);
    let header = |name: &str, value: Option<String>| {
        value.map_or_else(String::new, |value| format!(",\"{name}\":[\"{value}\"]"))
    };
    let address = request.address();
    format!(
        "{{\"level\":\"info\",\"ts\":{}.5,\"logger\":\"http.log.access.log0\",\"msg\":\"handled request\",\"request\":{{\
         \"remote_ip\":\"{address}\",\"remote_port\":\"41478\",\"client_ip\":\"{address}\",\"proto\":\"HTTP/2.0\",\
         \"method\":\"GET\",\"host\":\"hub.example.com\",\"uri\":\"{}\",\"headers\":{{\"User-Agent\":[{}],\
         \"Accept-Encoding\":[\"identity\"]{}}},\"tls\":{{\"resumed\":false,\"version\":772,\"cipher_suite\":4865,\
         \"proto\":\"h2\",\"server_name\":\"hub.example.com\"}}}},\"bytes_read\":0,\"user_id\":\"\",\"duration\":0.25,\
         \"size\":{sent},\"status\":{},\"resp_headers\":{{\"Server\":[\"Caddy\"],\"Content-Length\":[\"{sent}\"]{}}}}}",
        BEGIN_S + request.second,
        request.path(),
        text(&request.agent()),
        header("Range", asked),
        request.status(),
        header("Content-Range", answered),
        sent = request.sent(),
    )
}

/// Istio's default, with the request's Range.
fn envoy(request: &Request) -> String {
    let (asked, _) = ranges(request);
    format!(
        "{{\"authority\":\"hub.example.com\",\"bytes_received\":0,\"bytes_sent\":{},\"connection_termination_details\":null,\
         \"downstream_local_address\":\"10.0.0.9:5000\",\"downstream_remote_address\":\"{}:43612\",\"duration\":250,\
         \"method\":\"GET\",\"path\":\"{}\",\"protocol\":\"HTTP/1.1\",\"range\":{},\
         \"request_id\":\"c7a2f5e8-6f3b-4d0e-9a57-{:012x}\",\"requested_server_name\":null,\"response_code\":{},\
         \"response_code_details\":\"via_upstream\",\"response_flags\":\"-\",\"route_name\":\"default\",\
         \"start_time\":\"2020-07-05T{}.000Z\",\"upstream_cluster\":\"inbound|5000||\",\
         \"upstream_host\":\"10.0.0.9:5000\",\"upstream_service_time\":\"5\",\"user_agent\":{},\"x_forwarded_for\":null}}",
        request.sent(),
        request.address(),
        request.path(),
        asked.map_or_else(|| "null".to_owned(), |asked| text(&asked)),
        request.second,
        request.status(),
        clock(request),
        text(&request.agent()),
    )
}

fn google(request: &Request) -> String {
    let address = request.address();
    format!(
        "{{\"httpRequest\":{{\"cacheLookup\":true,\"latency\":\"0.250119s\",\"protocol\":\"HTTP/2\",\
         \"remoteIp\":\"{address}\",\"requestMethod\":\"GET\",\"requestSize\":\"412\",\
         \"requestUrl\":\"https://hub.example.com{}\",\"responseSize\":\"{}\",\"serverIp\":\"10.0.0.9\",\"status\":{},\
         \"userAgent\":{}}},\"insertId\":\"1x{}\",\"jsonPayload\":{{\
         \"@type\":\"type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry\",\
         \"backendTargetProjectNumber\":\"projects/1\",\"remoteIp\":\"{address}\",\
         \"statusDetails\":\"response_sent_by_backend\"}},\"logName\":\"projects/hub/logs/requests\",\
         \"resource\":{{\"labels\":{{\"zone\":\"global\"}},\"type\":\"http_load_balancer\"}},\"severity\":\"INFO\",\
         \"timestamp\":\"2020-07-05T{}.250119Z\"}}",
        request.path(),
        request.sent() + HEAD,
        request.status(),
        text(&request.agent()),
        request.second,
        clock(request),
    )
}

fn alb(request: &Request) -> String {
    let clock = clock(request);
    format!(
        "h2 2020-07-05T{clock}.250000Z app/hub/50dc6c495c0c9188 {}:41478 10.0.0.9:5000 0.000 0.250 0.000 {status} {status} 412 {} \
         \"GET https://hub.example.com:443{} HTTP/2.0\" \"{}\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 \
         arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/hub/73e2d6bc24d8a067 \
         \"Root=1-58337281-1d84f3d73c47ec4e58577259\" \"hub.example.com\" \
         \"arn:aws:acm:us-east-2:123456789012:certificate/12345678\" 1 2020-07-05T{clock}.000000Z \"forward\" \"-\" \"-\" \
         \"10.0.0.9:5000\" \"{status}\" \"-\" \"-\"",
        request.address(),
        request.sent() + HEAD,
        request.path(),
        request.agent(),
        status = request.status(),
    )
}

fn distribution(request: &Request) -> String {
    format!(
        "time=\"2020-07-05T{}.250119Z\" level=info msg=\"response completed\" go.version=go1.20.8 \
         http.request.host=hub.example.com http.request.id=c7a2f5e8-6f3b-4d0e-9a57-{:012x} http.request.method=GET \
         http.request.remoteaddr=\"{}:41478\" http.request.uri=\"{}\" http.request.useragent={} \
         http.response.contenttype=\"application/octet-stream\" http.response.duration=250.119ms http.response.status={} \
         http.response.written={}",
        clock(request),
        request.second,
        request.address(),
        request.path(),
        text(&request.agent()),
        request.status(),
        request.sent(),
    )
}

/// Bytes of an answer's head, where a log counts them too.
const HEAD: u64 = 321;

fn clock(request: &Request) -> String {
    let second = BEGIN_S + request.second;
    format!(
        "{:02}:{:02}:{:02}",
        second / 3600 % 24,
        second / 60 % 60,
        second % 60
    )
}

/// Range and Content-Range.
fn ranges(request: &Request) -> (Option<String>, Option<String>) {
    let (start, size) = (request.start, request.size);
    (
        start.map(|start| format!("bytes={start}-")),
        start.map(|start| format!("bytes {start}-{}/{size}", size - 1)),
    )
}

/// A text of JSON: Docker's User-Agent has backslashes.
fn text(plain: &str) -> String {
    format!("\"{}\"", plain.replace('\\', "\\\\"))
}
