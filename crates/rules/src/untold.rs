//! Names of Cloudflare's for what no platform tells a worker: read, so that expressions can be pasted, and always missing.

use super::field::Type;
use super::names::names;

names! {
    /// A fact that no request here has.
    Untold,
    /// Every one, in the order of docs/rules.md.
    /// <https://developers.cloudflare.com/ruleset-engine/rules-language/fields/reference/>
    Boolean:
        "cf.api_gateway.auth_id_present" "cf.api_gateway.fallthrough_detected" "cf.api_gateway.request_violates_schema"
        "cf.bot_management.signed_agent" "cf.edge.client_tcp" "cf.schema_validation.learned.violated"
        "cf.schema_validation.uploaded.violated" "cf.waf.auth_detected" "cf.waf.content_scan.has_failed" "cf.waf.content_scan.has_malicious_obj"
        "cf.waf.content_scan.has_obj" "cf.waf.credential_check.password_leaked"
        "cf.waf.credential_check.username_and_password_leaked" "cf.waf.credential_check.username_leaked"
        "cf.waf.credential_check.username_password_similar"
        "http.request.headers.truncated" "http.request.cookies.truncated";
    Integer:
        "cf.edge.client_port" "cf.edge.server_port" "cf.threat_score" "cf.waf.content_scan.num_malicious_obj"
        "cf.waf.content_scan.num_obj" "cf.waf.score" "cf.waf.score.rce" "cf.waf.score.sqli" "cf.waf.score.xss"
        "cf.colo.id" "http.request.timestamp.msec";
    IpAddress:
        "cf.edge.server_ip";
    String:
        "cf.metal.id" "cf.tls_client_random" "cf.waf.score.class" "cf.worker.upstream_zone" "cf.zone.name" "cf.zone.plan"
        "cf.colo.region"
        "ip.src.subdivision_1_iso_code" "ip.src.subdivision_2_iso_code";
}
