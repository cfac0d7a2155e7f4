//! Formats of text that programs write without being told one: one table, in nginx's words.
//!
//! A name may have several: what a program writes depends on its version and settings. A log is tried against all of them
//! in this order; the one that is closest to what it writes comes first.

use crate::template::Template;

/// Names and formats.
pub const PRESETS: &[(&str, &str)] = &[
    // docs.haproxy.org/2.8/configuration.html#8.2.3: the answer with its head; captured headers are optional.
    (
        "haproxy",
        r#"$remote_addr [$time] $frontend $backend $tr/$tw/$tc/$th/$ms $status $bytes_sent $c $s $state $conns $queues {$captured} {$captured} "$request""#,
    ),
    (
        "haproxy",
        r#"$remote_addr [$time] $frontend $backend $tr/$tw/$tc/$th/$ms $status $bytes_sent $c $s $state $conns $queues {$captured} "$request""#,
    ),
    (
        "haproxy",
        r#"$remote_addr [$time] $frontend $backend $tr/$tw/$tc/$th/$ms $status $bytes_sent $c $s $state $conns $queues "$request""#,
    ),
    // istio.io/latest/docs/tasks/observability/logs/access-log: Envoy's with four fields more.
    (
        "istio",
        r#"[$time] "$request" $status $flags $details $termination "$failure" $received $body_bytes_sent $ms $upstream "$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream_host" $cluster $local $downstream_local $remote_addr $server $route"#,
    ),
    (
        "istio",
        r#"[$time] "$request" $status $flags $details $termination "$failure" $received $body_bytes_sent $ms $upstream "$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream_host""#,
    ),
    // envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage: the default.
    (
        "envoy",
        r#"[$time] "$request" $status $flags $received $body_bytes_sent $ms $upstream "$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream_host""#,
    ),
    // docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
    (
        "alb",
        r#"$type $time_iso8601 $elb $remote_addr $target $p1 $p2 $p3 $status $target_status $received $bytes_sent "$request" "$http_user_agent" $cipher $protocol $group "$trace" "$domain" "$certificate" $priority $time "$actions""#,
    ),
    // docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html
    (
        "elb",
        r#"$time_iso8601 $elb $remote_addr $target $p1 $p2 $p3 $status $target_status $received $bytes_sent "$request" "$http_user_agent" $cipher $protocol"#,
    ),
    // docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
    (
        "s3",
        r#"$owner $bucket [$time] $remote_addr $requester $request_id $operation $key "$request" $status $error $body_bytes_sent $size $ms $turnaround "$referer" "$http_user_agent""#,
    ),
    // Nginx Proxy Manager: its proxy, and what it serves itself.
    (
        "nginx-proxy-manager",
        r#"[$time_local] $cache $upstream_status $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $ratio] [Sent-to $server] "$http_user_agent" "$referer""#,
    ),
    (
        "nginx-proxy-manager",
        r#"[$time_local] $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $ratio] "$http_user_agent" "$referer""#,
    ),
    // jfrog.com/help: artifactory-request.log since version 7, and the one before.
    (
        "artifactory",
        "$time_iso8601|$trace|$remote_addr|$user|$request_method|$request_uri|$status|$received|$body_bytes_sent|$ms|$http_user_agent",
    ),
    (
        "artifactory",
        "$time_iso8601|$ms|REQUEST|$remote_addr|$user|$request_method|$request_uri|$protocol|$status|$body_bytes_sent",
    ),
    // Nexus: request.log, written at the end of a request.
    (
        "nexus",
        r#"$remote_addr $ident $user [$time_local] "$request" $status $received $body_bytes_sent $ms "$http_user_agent" [$thread]"#,
    ),
    // ingress-nginx before 0.26, and since.
    (
        "ingress-nginx",
        r#"$remote_addr - [$the_real_ip] - $remote_user [$time_local] "$request" $status $body_bytes_sent "$referer" "$http_user_agent" $request_length $request_time [$upstream]"#,
    ),
    (
        "ingress-nginx",
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$referer" "$http_user_agent" $received $request_time [$upstream]"#,
    ),
    // Harbor's proxy: syslog has the time.
    (
        "harbor",
        r#"$remote_addr - "$request" $status $body_bytes_sent "$referer" "$http_user_agent" $request_time $upstream_time $pipe"#,
    ),
    // doc.traefik.io/traefik/observability/access-logs: the common form.
    (
        "traefik",
        r#"$remote_addr - $user [$time] "$request" $status $body_bytes_sent "$referer" "$http_user_agent" $number "$router" "$server" $duration"#,
    ),
    // github.com/gin-gonic/gin, logger.go: columns, and the time at which an answer ended.
    (
        "gin",
        r#"[GIN] $time_local | $status | $duration | $remote_addr | $request_method "$request_uri""#,
    ),
    // docs.bunny.net/cdn/logging: the bytes are all that was sent.
    (
        "bunny",
        "$cache|$status|$msec|$bytes_sent|$zone|$remote_addr|$referer|$request_uri|$edge|$http_user_agent|$request_id|$country",
    ),
    // learn.microsoft.com/rest/api/storageservices/storage-analytics-log-format, version 1.0.
    (
        "azure-storage",
        r#"$version;$time;$request_method;$outcome;$status;$ms;$server_ms;$auth;$requester;$owner;$service;"$request_uri";"$key";$request_id;$number;$remote_addr;$api;$in_head;$in_body;$out_head;$body_bytes_sent;$length;$md5;$server_md5;$etag;$modified;$conditions;"$http_user_agent""#,
    ),
    // oauth2-proxy.github.io/oauth2-proxy/configuration/overview: since version 7, and before.
    (
        "oauth2-proxy",
        r#"$remote_addr - $request_id - $user [$time_local] $host $request_method $upstream "$request_uri" $protocol "$http_user_agent" $status $body_bytes_sent $request_time"#,
    ),
    (
        "oauth2-proxy",
        r#"$remote_addr - $user [$time_local] $host $request_method $upstream "$request_uri" $protocol "$http_user_agent" $status $body_bytes_sent $request_time"#,
    ),
    // docs.gitea.com/administration/logging-config: its router, without an access log.
    (
        "gitea",
        "$date $clock $caller [$level] router: completed $request_method $request_uri for $remote_addr, $status $text in $duration @ $function",
    ),
    // docs.cloudfoundry.org/concepts/http-routing.html: the host first, and the request's bytes before the answer's.
    (
        "gorouter",
        r#"$host - [$time] "$request" $status $received $body_bytes_sent "$referer" "$http_user_agent" "$remote_addr" "$backend" x_forwarded_for:"$http_x_forwarded_for" x_forwarded_proto:"$proto" vcap_request_id:"$request_id" response_time:$request_time $rest"#,
    ),
    // wiki.squid-cache.org/Features/LogFormat: the answer with its head.
    (
        "squid",
        "$msec $ms $remote_addr $result/$status $bytes_sent $request_method $request_uri $user $hierarchy $type",
    ),
    // alibabacloud.com/help/en/cdn/user-guide/download-logs: the time is that of the answer's end.
    (
        "alibaba-cdn",
        r#"[$time_local] $remote_addr $proxy $ms "$referer" "$request" $status $received $bytes_sent $cache "$http_user_agent" "$type""#,
    ),
    // support.huaweicloud.com/intl/en-us/usermanual-cdn/en-us_topic_0073337424.html
    (
        "huawei-cdn",
        r#"[$time_local] $remote_addr $ms "$referer" "$protocol" "$request_method" "$host" "$request_uri" $status $bytes_sent $cache "$http_user_agent" "$http_range""#,
    ),
    // tencentcloud.com/document/product/228/6316: between blanks with quotes, or between tabs.
    (
        "tencent-cdn",
        r#"$time $remote_addr $host $request_uri $bytes_sent $province $isp $status $referer $ms "$http_user_agent" "$http_range" $request_method $protocol $cache"#,
    ),
    (
        "tencent-cdn",
        "$time\t$remote_addr\t$host\t$request_uri\t$bytes_sent\t$province\t$isp\t$status\t$referer\t$ms\t$http_user_agent\t$http_range\t$request_method\t$protocol\t$cache",
    ),
    // gcore.com/docs/cdn/logs/logs-uploader: further fields follow.
    (
        "gcore",
        r#""$remote_addr" "-" "$remote_user" "[$time_local]" "$request" "$status" "$body_bytes_sent" "$http_referer" "$http_user_agent" "$bytes_sent" "$edge" "$scheme" "$host" "$request_time" "$upstream_response_time" "$request_length" "$http_range" "[$node]" "$cache""#,
    ),
    // keycdn.com/support/cdn-log-format
    (
        "keycdn",
        r#"$msec|$pop|$remote_addr|$status|$bytes_sent|$user|$zone|$host|$cache|"$request"|[$date_of]|"$http_referer"|"$http_user_agent"|$scheme|$tls|$geoip_country_code|$region|"$organisation"|$http_range"#,
    ),
];

/// The formats of a name; none where the name is unknown.
#[must_use]
pub fn preset(name: &str) -> Vec<Template> {
    let of_name = PRESETS
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    of_name
        .filter_map(|(_, format)| Template::parse(format).ok())
        .collect()
}

/// The name and the format of most lines; none where no format fits half of them.
#[must_use]
pub fn recognised(lines: &[&str]) -> Option<(&'static str, Template)> {
    let mut best: Option<(usize, &'static str, Template)> = None;
    for (name, format) in PRESETS {
        let Ok(template) = Template::parse(format) else {
            continue;
        };
        let fit = lines.iter().filter(|line| template.is_like(line)).count();
        if fit > best.as_ref().map_or(0, |(most, ..)| *most) {
            best = Some((fit, name, template));
        }
    }
    best.filter(|(fit, ..)| 2 * fit >= lines.len())
        .map(|(_, name, template)| (name, template))
}
