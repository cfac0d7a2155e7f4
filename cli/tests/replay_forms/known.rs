//! Forms that are told by what stands in them.

use crate::logs::COMBINED;

/// Names, and a line of each.
pub(crate) const FORMS: &[(&str, &str)] = &[
    ("combined", COMBINED),
    (
        "nginx main",
        r#"10.0.0.1 - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" "{ip}, 10.0.0.2""#,
    ),
    (
        "ports of clients",
        r#"{ip}:41478 - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "messages beside",
        "2026/03/02 {clock} [error] 9#9: *{id} open() \"/srv{path}\" failed, client: {ip}\n{ip} - - [{clf}] \"GET {path} HTTP/1.1\" 200 5,000,000 \"-\" \"{ua}\"",
    ),
    (
        "werkzeug",
        r#"{ip} - - [02/Mar/2026 {clock}] "GET {path} HTTP/1.1" 200 -"#,
    ),
    (
        "bunny",
        "HIT|200|{unix}000|5000321|390|{ip}|-|https://hub.b-cdn.net{path}|WA|{ua}|322b|DE",
    ),
    (
        "azure storage",
        r#"{"time":"{iso}","category":"StorageRead","operationName":"GetBlob","statusCode":200,"durationMs":0,"callerIpAddress":"{ip}:8345","properties":{"userAgentHeader":"{ua}","responseBodySize":5000000},"uri":"https://a.blob.core.windows.net:443/hub/docker/registry/v2/blobs/sha256/00/{hex}/data?sig=X"}"#,
    ),
    (
        "minio",
        r#"{"version":"1","time":"{iso}","api":{"name":"GetObject","bucket":"hub","object":"x","status":"OK","statusCode":200,"tx":5000000,"timeToResponse":"0ns"},"remotehost":"{ip}","userAgent":"{ua}","requestPath":"/hub/docker/registry/v2/blobs/sha256/00/{hex}/data"}"#,
    ),
    (
        "ltsv",
        "time:{clf}\thost:{ip}\treq:GET {path} HTTP/1.1\tstatus:200\tsize:5000000\tua:{ua}\treqtime:0.000",
    ),
    (
        "gin",
        r#"[GIN] 2026/03/02 - {clock} | 200 |         0s |     {ip} | GET      "{path}""#,
    ),
    (
        "caddy console",
        "2026/03/02 {clock}.000\tinfo\thttp.log.access\thandled request\t{\"request\":{\"remote_ip\":\"{ip}\",\"method\":\"GET\",\"uri\":\"{path}\",\"headers\":{\"User-Agent\":[\"{ua}\"]}},\"size\":5000000,\"status\":200}",
    ),
    (
        "lines of an array",
        r#"{"time":"2026-03-02 {clock} +0000","ip":"{ip}","method":"GET","path":"{path}","status":"200 OK","size":5000000,"ua":"{ua}"},"#,
    ),
    (
        "host in quotes",
        r#"{ip} - - [{clf}] "hub.example.com" "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "host without",
        r#"{ip} - - [{clf}] hub.example.com "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "jwilder",
        r#"hub.example.com {ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" "172.18.0.2:5000""#,
    ),
    (
        "vhost_combined",
        r#"hub.example.com:443 {ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000{id} "-" "{ua}""#,
    ),
    (
        "varnish",
        r#"{ip} - - [{clf}] "GET http://hub.example.com{path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "haproxy",
        r#"{syslog} lb haproxy[14389]: {ip}:33317 [{haproxy}] http-in~ registry/srv1 0/0/1/2/2000 200 5000321 - - ---- 1/1/1/1/0 0/0 {{ua}|-} "GET {path} HTTP/1.1""#,
    ),
    (
        "envoy",
        r#"[{iso}] "GET {path} HTTP/1.1" 200 - 0 5000000 2000 20 "{ip}" "{ua}" "c7" "hub.example.com" "10.0.0.9:5000""#,
    ),
    (
        "alibaba cdn",
        r#"[2/Mar/2026:{clock} +0000] {ip} - 0 "-" "GET https://hub.example.com{path}" 200 412 5000000 HIT "{ua}" "application/octet-stream" {ip} https"#,
    ),
    (
        "alibaba oss",
        r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 17 "-" "{ua}" "b.oss-cn-hangzhou.aliyuncs.com" "505B" "true" "16" "GetObject" "hub" "x" 5000000 17 "-" 380 "16" - "-" "standard" "-" "-""#,
    ),
    (
        "alibaba's collector",
        r#"{"__topic__":"oss_access_log","time":"{clf}","User-Agent":"{ua}","bucket":"hub","object":"x","object_size":"5000000","operation":"GetObject","request_uri":"{path}","client_ip":"{ip}","response_body_length":"5000000","http_method":"GET","response_time":"0","http_status":"200"}"#,
    ),
    (
        "huawei cdn",
        r#"[{clf}] {ip} 0 "-" "HTTP/1.1" "GET" "hub.example.com" "{path}" 200 5000321 HIT "{ua}" "-" 10.0.0.9"#,
    ),
    (
        "huawei obs",
        r#"787f2f92 bucket [{clf}] {ip} 787f2f92 281599BA REST.GET.OBJECT x "GET {path} HTTP/1.1" 200 - 5000000 5000000 0 6 "-" "{ua}" - -"#,
    ),
    (
        "tencent cdn",
        r#"20260302{hms} {ip} hub.example.com {path} 5000321 22 2 200 NULL 0 "{ua}" "(null)" GET HTTP/1.1 hit 54321"#,
    ),
    (
        "tencent cdn, tabs",
        "20260302{hms}\t{ip}\thub.example.com\t{path}\t5000321\t22\t2\t200\tNULL\t0\t{ua}\tNULL\tGET\tHTTPS\thit\t54321",
    ),
    (
        "edgeone",
        r#"{"RequestID":"1","ClientIP":"{ip}","ClientRegion":"US","RequestTime":"{iso}","RequestStatus":1,"RequestHost":"hub","RequestBytes":412,"RequestMethod":"GET","RequestUrl":"{path}","RequestUrlQueryString":"-","RequestUA":"{ua}","RequestRange":"-","EdgeCacheStatus":"hit","EdgeResponseStatusCode":200,"EdgeResponseBytes":5000321,"EdgeResponseTime":0,"EdgeServerIP":"10.0.0.9"}"#,
    ),
    (
        "gcore",
        r#""{ip}" "-" "-" "[{clf}]" "GET {path} HTTP/1.1" "200" "5000000" "-" "{ua}" "5000321" "dh" "https" "hub" "0.000" "-" "412" "-" "[dh]" "HIT" "-" "-" "2510" "7399""#,
    ),
    (
        "keycdn",
        r#"{unix}.123|usla|{ip}|200|5000321|uid1|zid4|hub.kxcdn.com|HIT|"GET {path} HTTP/1.1"|[{clf}]|"-"|"{ua}"|https|TLSv1.2|US|CA|"AS64500 Example, Inc."|-"#,
    ),
    (
        "google's storage",
        r#"{"time_micros":"{unix}000000","c_ip":"{ip}","cs_method":"GET","cs_uri":"{path}","sc_status":"200","sc_bytes":"5000000","time_taken_micros":"0","cs_user_agent":"{ua}"}"#,
    ),
    (
        "alb",
        r#"h2 {end} app/lb/50 {ip}:2817 10.0.0.9:80 0.000 1.900 0.000 200 200 60 5000321 "GET https://hub.example.com:443{path} HTTP/2.0" "{ua}" ECDHE TLSv1.2 arn:aws:tg "Root=1-58" "hub.example.com" "arn:aws:acm" 0 {iso} "forward" "-" "-" "10.0.0.9:80" "200" "-" "-""#,
    ),
    (
        "s3",
        r#"79a59df9 bucket [{clf}] {ip} - 3E57 REST.GET.OBJECT docker/x "GET /docker/registry/v2/blobs/sha256/00/{hex}/data HTTP/1.1" 200 - 5000000 5000000 2000 20 "-" "{ua}" - s9lz SigV4 ECDHE AuthHeader bucket.s3 TLSv1.2 - -"#,
    ),
    (
        "nginx proxy manager",
        r#"[{clf}] - 200 200 - GET https hub.example.com "{path}" [Client {ip}] [Length 5000000] [Gzip -] [Sent-to 10.0.0.9] "{ua}" "-""#,
    ),
    (
        "artifactory",
        "{end}|4a1f|{ip}|anonymous|GET|/api/docker/hub{path}|200|-1|5000000|2000|{ua}",
    ),
    (
        "nexus",
        r#"{ip} - - [{clf}] "GET /repository/hub{path} HTTP/1.1" 200 - 5000000 0 "{ua}" [qtp1-90]"#,
    ),
    (
        "harbor",
        r#"{syslog} 172.18.0.1 proxy[1234]: {ip} - "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" 0.000 0.000 ."#,
    ),
    (
        "traefik",
        r#"{ip} - - [{clf}] "GET {path} HTTP/2.0" 200 5000000 "-" "{ua}" 12 "hub@docker" "http://10.0.0.9:5000" 2000ms"#,
    ),
    (
        "ingress-nginx",
        r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" 90 0.000 [hub-5000] [] 10.0.0.9:5000 5000000 0.000 200 d82a"#,
    ),
    (
        "gorouter",
        r#"hub.example.com - [{iso}] "GET {path} HTTP/1.1" 200 0 5000000 "-" "{ua}" "10.0.0.1:41478" "10.0.0.2:61000" x_forwarded_for:"{ip}, 10.0.0.1" x_forwarded_proto:"https" vcap_request_id:"7c" response_time:0.000 gorouter_time:0.000104 app_id:"a" app_index:"0""#,
    ),
    (
        "a host's name where the client should be",
        r#"hub.example.com - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" "{ip}, 10.0.0.1""#,
    ),
    (
        "heroku",
        r#"{iso} app[router]: at=info method=GET path="{path}" host=hub.example.com request_id=7c fwd="{ip}" dyno=web.1 connect=1ms service=0ms status=200 bytes=5000000 protocol=https"#,
    ),
    (
        "squid",
        "{unix}.000      0 {ip} TCP_MISS/200 5000321 GET http://hub.example.com{path} - HIER_DIRECT/10.0.0.9 application/octet-stream",
    ),
    (
        "quay",
        r#"{ip} - - [{clf}] "GET /datastorage/registry/sha256/00/{hex} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "ghcr",
        r#"{ip} - - [{clf}] "GET /ghcr1/blobs/sha256:{hex}?sig=x HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "distribution",
        r#"time="{iso}" level=info msg="response completed" go.version=go1.20.8 http.request.host=hub http.request.id=a{id} http.request.method=GET http.request.remoteaddr="{ip}:4711" http.request.uri="{path}" http.request.useragent="{ua}" http.response.contenttype="application/octet-stream" http.response.duration=0s http.response.status=200 http.response.written=5000000"#,
    ),
    (
        "distribution json",
        r#"{"go.version":"go1.20.8","http.request.method":"GET","http.request.remoteaddr":"{ip}:4711","http.request.uri":"{path}","http.request.useragent":"{ua}","http.response.duration":"0s","http.response.status":200,"http.response.written":5000000,"level":"info","msg":"response completed","time":"{iso}"}"#,
    ),
    (
        "gcp",
        r#"{"httpRequest":{"latency":"2s","remoteIp":"{ip}","requestMethod":"GET","requestUrl":"https://hub.example.com{path}","responseSize":"5000321","status":200,"userAgent":"{ua}"},"insertId":"1","resource":{"labels":{"zone":"global"}},"timestamp":"{iso}"}"#,
    ),
    (
        "traefik json",
        r#"{"ClientHost":"{ip}","DownstreamContentSize":5000000,"DownstreamStatus":200,"Duration":2000000000,"RequestMethod":"GET","RequestPath":"{path}","StartUTC":"{iso}","request_User-Agent":"{ua}","time":"{end}"}"#,
    ),
    (
        "caddy",
        r#"{"level":"info","ts":{unix}.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"{ip}","remote_port":"4","client_ip":"{ip}","proto":"HTTP/2.0","method":"GET","host":"hub","uri":"{path}","headers":{"User-Agent":["{ua}"]}},"bytes_read":0,"duration":0.25,"size":5000000,"status":200,"resp_headers":{"Content-Length":["5000000"]}}"#,
    ),
    (
        "istio",
        r#"{"authority":"hub","bytes_received":0,"bytes_sent":5000000,"downstream_remote_address":"{ip}:43612","duration":2000,"method":"GET","path":"{path}","protocol":"HTTP/1.1","response_code":200,"start_time":"{iso}","upstream_host":"10.0.0.9:5000","user_agent":"{ua}","x_forwarded_for":null}"#,
    ),
    (
        "envoy gateway",
        r#"{"start_time":"{iso}","method":"GET","x-envoy-origin-path":"{path}","response_code":"200","bytes_sent":"5000000","duration":"2000","x-forwarded-for":"{ip}","user-agent":"{ua}","downstream_remote_address":"10.0.0.1:5"}"#,
    ),
    (
        "front door",
        r#"{"time":"{end}","resourceId":"/S","category":"FrontDoorAccessLog","properties":{"trackingReference":"0","httpMethod":"GET","requestUri":"https://hub.example.com:443{path}","responseBytes":"5000321","userAgent":"{ua}","clientIp":"{ip}","socketIp":"10.0.0.1","timeTaken":"2.000","httpStatusCode":"200","pop":"MIA"}}"#,
    ),
    (
        "cloud monitor",
        r#"{"type":"cloud_monitor","format":"default","id":"1","start":"{unix}.250","cp":"1","message":{"proto":"https","status":"200","cliIP":"{ip}","reqPort":"443","reqHost":"hub","reqMethod":"GET","reqPath":"{path}","bytes":"5000000","UA":"{ua}"},"netPerf":{"downloadTime":"20","asnum":"64500"},"geo":{"country":"us"}}"#,
    ),
    (
        "datastream",
        r#"{"version":"1","cp":"1","reqId":"1","reqTimeSec":"{unix}.250","bytes":"5000000","cliIP":"{ip}","statusCode":"200","proto":"HTTPS","reqHost":"hub","reqMethod":"GET","reqPath":"v2/library/nginx/blobs/sha256:{hex}","UA":"{ua}","transferTimeMSec":"2000"}"#,
    ),
    (
        "fastly",
        r#"<134>{iso} cache-fra hub[62959]: {"timestamp":"{iso}","client_ip":"{ip}","geo_country":"germany","host":"hub","url":"{path}","request_method":"GET","request_user_agent":"{ua}","response_status":200,"response_body_size":5000000,"fastly_server":"cache-fra"}"#,
    ),
    (
        "spegel",
        r#"{"time":"{iso}","level":"INFO","source":{"function":"f","line":4},"msg":"","path":"{path}","status":200,"method":"GET","latency":"0s","ip":"{ip}","handler":"blob"}"#,
    ),
    (
        "zot",
        r#"{"level":"info","module":"http","component":"session","clientIP":"{ip}:41478","method":"GET","path":"{path}","statusCode":200,"latency":"0s","bodySize":5000000,"headers":{"Accept":["*/*"],"User-Agent":["{ua}"]},"goroutine":"7","time":"{iso}","message":"HTTP API"}"#,
    ),
    (
        "cloudfront v2",
        r#"{"date":"2026-03-02","time":"{clock}","x-edge-location":"LAX1","sc-bytes":"5000321","c-ip":"{ip}","cs-method":"GET","cs-uri-stem":"{path}","sc-status":"200","cs(User-Agent)":"{ua}","sc-content-len":"5000000"}"#,
    ),
    (
        "cloudfront v2 as Parquet names it",
        r#"{"date":"2026-03-02","time":"{clock}","x_edge_location":"LAX1","sc_bytes":"5000321","c_ip":"{ip}","cs_method":"GET","cs_uri_stem":"{path}","sc_status":"200","cs_user_agent":"{ua}","sc_content_len":"5000000"}"#,
    ),
    (
        "workhorse",
        r#"{"correlation_id":"7c","duration_ms":2000,"host":"hub","level":"info","method":"GET","msg":"access","proto":"HTTP/1.1","remote_addr":"127.0.0.1:0","remote_ip":"{ip}","status":200,"system":"http","time":"{end}","uri":"{path}","user_agent":"{ua}","written_bytes":5000000}"#,
    ),
    (
        "contour",
        r#"{"@timestamp":"{iso}","authority":"hub","bytes_sent":5000000,"downstream_remote_address":"{ip}:43612","duration":2000,"method":"GET","path":"{path}","response_code":200,"response_flags":"-","upstream_cluster":"hub/registry/5000","upstream_host":"10.0.0.9:5000","user_agent":"{ua}","x_forwarded_for":"10.1.2.3"}"#,
    ),
    (
        "application gateway",
        r#"{"timeStamp":"{end}","category":"ApplicationGatewayAccessLog","properties":{"instanceId":"a_1","clientIP":"{ip}","httpMethod":"GET","originalRequestUriWithArgs":"{path}","requestUri":"{path}","userAgent":"{ua}","httpStatus":200,"sentBytes":5000321,"timeTaken":2.0,"serverRouted":"10.0.0.9:5000","serverStatus":"200"}}"#,
    ),
    (
        "oracle load balancer",
        r#"{"datetime":{unix}000,"logContent":{"data":{"backendAddr":"10.0.0.9:5000","backendStatusCode":"200","clientAddr":"{ip}:41478","lbStatusCode":"200","request":"GET https://hub.example.com:443{path} HTTP/1.1","sentBytes":"5000321","timestamp":"{iso}","userAgent":"{ua}"},"source":"lb"}}"#,
    ),
    (
        "suricata",
        r#"{"timestamp":"{iso}","event_type":"http","src_ip":"{ip}","dest_ip":"10.0.0.9","proto":"TCP","http":{"hostname":"hub","url":"{path}","http_user_agent":"{ua}","http_method":"GET","protocol":"HTTP/1.1","status":200,"length":5000000}}"#,
    ),
    (
        "zeek",
        r#"{"ts":{unix}.0,"uid":"C7","id.orig_h":"{ip}","id.resp_h":"10.0.0.9","method":"GET","host":"hub","uri":"{path}","user_agent":"{ua}","response_body_len":5000000,"status_code":200}"#,
    ),
    (
        "nginx json",
        r#"{"access_time":"{clf}","upstream_cache_status":"HIT","verb":"GET","uri":"{path}","code":"200","sent":"5000000","peer":"{ip}","upstream":"10.0.0.9","ua":"{ua}"}"#,
    ),
    (
        "elastic",
        r#"{"@timestamp":"{iso}","source":{"address":"{ip}","ip":"{ip}"},"http":{"request":{"method":"GET"},"response":{"status_code":200,"body":{"bytes":5000000}}},"url":{"original":"{path}"},"user_agent":{"original":"{ua}"}}"#,
    ),
];
