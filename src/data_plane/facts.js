// Facts: what a request says, read once into the one string that `crates/pull/src/facts.rs` parses. The fixed lines carry
// the platform's word only. On Cloudflare the `CF-*` headers are the platform's; anywhere else they are the
// client's, and `request.cf` alone is believed.

import { now } from "./clock.js";

/**
 * What the platform says of a client, and nothing where it cannot be read: workerd parses a front proxy's header when `cf` is
 * read, and throws.
 * @param {ClientRequest} request
 * @returns {Cf}
 */
export function readCf(request) {
  try {
    const { cf } = request;
    return cf && typeof cf === "object" ? /** @type {Cf} */ (cf) : NOTHING;
  } catch {
    return NOTHING;
  }
}

/** @type {Cf} */
const NOTHING = {};

/**
 * One value on one line: a front proxy may have sent anything.
 * @param {unknown} value
 */
export const line = (value) => (typeof value === "string" ? (BREAK.test(value) ? "" : value) : typeof value === "number" ? `${value}` : "");

const BREAK = /[\r\n]/;

/** nginx and others write the version of HTTP as they write 1.1. */
const LONG_PROTOCOL = /^(HTTP\/[23])\.0$/;

/**
 * The one next to the client, which comes first.
 * @param {string} said
 */
export const firstScheme = (said) => (said.split(",", 1)[0]?.trim().toLowerCase() === "https" ? "https" : "http");

/**
 * `http` or `https`. Of the TLS that a front proxy ended, workerd knows by `forwardedProtoHeader` or by what the proxy says of it.
 * @param {ClientRequest} request
 * @param {URL} url
 */
export const schemeOf = (request, url) => (line(readCf(request).tlsVersion) ? "https" : url.protocol.slice(0, -1));

/** Ends each name and each value of `platformFacts`. */
const SEPARATOR = "\u001f";

/**
 * What the platform says beside the lines, by the names of the rule language (`crates/rules/src/told.rs`).
 * @param {Cf} cf
 */
function platformFacts(cf) {
  const { botManagement: bot, tlsClientAuth: auth } = cf;
  let text = "";
  const add = (/** @type {string} */ name, /** @type {unknown} */ value) => {
    const said = typeof value === "boolean" ? `${value}` : line(value);
    if (said && !said.includes(SEPARATOR)) text += name + SEPARATOR + said + SEPARATOR;
  };
  if (bot) {
    add("cf.bot_management.score", bot.score);
    add("cf.bot_management.verified_bot", bot.verifiedBot);
    add("cf.client.bot", bot.verifiedBot);
    add("cf.bot_management.static_resource", bot.staticResource);
    add("cf.bot_management.corporate_proxy", bot.corporateProxy);
    add("cf.bot_management.js_detection.passed", bot.jsDetection?.passed);
  }
  add("cf.verified_bot_category", cf.verifiedBotCategory);
  if (auth && line(auth.certPresented) === "1") {
    add("cf.tls_client_auth.cert_presented", true);
    add("cf.tls_client_auth.cert_verified", auth.certVerified === "SUCCESS");
    add("cf.tls_client_auth.cert_revoked", auth.certRevoked);
    add("cf.tls_client_auth.cert_fingerprint_sha1", auth.certFingerprintSHA1);
    add("cf.tls_client_auth.cert_fingerprint_sha256", auth.certFingerprintSHA256);
    add("cf.tls_client_auth.cert_issuer_dn", auth.certIssuerDN);
    add("cf.tls_client_auth.cert_serial", auth.certSerial);
    add("cf.tls_client_auth.cert_subject_dn", auth.certSubjectDN);
    add("cf.tls_client_auth.cert_issuer_dn_legacy", auth.certIssuerDNLegacy);
    add("cf.tls_client_auth.cert_issuer_dn_rfc2253", auth.certIssuerDNRFC2253);
    add("cf.tls_client_auth.cert_issuer_serial", auth.certIssuerSerial);
    add("cf.tls_client_auth.cert_issuer_ski", auth.certIssuerSKI);
    add("cf.tls_client_auth.cert_not_after", auth.certNotAfter);
    add("cf.tls_client_auth.cert_not_before", auth.certNotBefore);
    add("cf.tls_client_auth.cert_ski", auth.certSKI);
    add("cf.tls_client_auth.cert_subject_dn_legacy", auth.certSubjectDNLegacy);
    add("cf.tls_client_auth.cert_subject_dn_rfc2253", auth.certSubjectDNRFC2253);
    add("cf.tls_client_auth.cert_rfc9440", auth.certRFC9440);
    add("cf.tls_client_auth.cert_rfc9440_too_large", auth.certRFC9440TooLarge);
    add("cf.tls_client_auth.cert_chain_rfc9440", auth.certChainRFC9440);
    add("cf.tls_client_auth.cert_chain_rfc9440_too_large", auth.certChainRFC9440TooLarge);
  } else if (auth) {
    add("cf.tls_client_auth.cert_presented", false);
    add("cf.tls_client_auth.cert_verified", false);
  }
  add("cf.edge.l4.delivery_rate", cf.edgeL4?.deliveryRate);
  add("cf.timings.client_quic_rtt_msec", cf.clientQuicRtt);
  add("cf.timings.client_tcp_rtt_msec", cf.clientTcpRtt);
  add("cf.hostname.metadata", cf.hostMetadata && JSON.stringify(cf.hostMetadata));
  add("ip.src.city", cf.city);
  add("ip.src.lat", cf.latitude);
  add("ip.src.lon", cf.longitude);
  add("ip.src.metro_code", cf.metroCode);
  add("ip.src.postal_code", cf.postalCode);
  add("ip.src.region", cf.region);
  add("ip.src.region_code", cf.regionCode);
  add("ip.src.timezone.name", cf.timezone);
  // Only where the country is in the union; where there is no country nothing is known.
  add("ip.src.is_in_european_union", line(cf.country) && (cf.isEUCountry === "1" ? "1" : "0"));
  return text;
}

/**
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Env} env
 */
export function readFacts(request, url, env) {
  const cf = readCf(request);
  const onCloudflare = env.PLATFORM === "cloudflare";
  const own = (/** @type {string} */ name) => (onCloudflare ? (request.headers.get(name) ?? "") : "");
  let text = [
    now(),
    request.method,
    schemeOf(request, url),
    url.hostname,
    url.pathname,
    url.search.slice(1),
    line(cf.httpProtocol).replace(LONG_PROTOCOL, "$1"),
    line(cf.clientIp) || own("cf-connecting-ip"),
    line(cf.ray) || own("cf-ray"),
    line(cf.colo),
    line(cf.country),
    line(cf.continent),
    line(cf.asn),
    line(cf.tlsVersion),
    line(cf.tlsCipher),
    line(cf.tlsClientCiphersSha1),
    line(cf.tlsClientExtensionsSha1),
    line(cf.tlsClientExtensionsSha1Le),
    line(cf.tlsClientHelloLength),
    // Cloudflare rewrites the header and keeps the client's own beside it.
    onCloudflare ? line(cf.clientAcceptEncoding) : (request.headers.get("accept-encoding") ?? ""),
    line(cf.botManagement?.ja4),
    line(cf.botManagement?.ja3Hash),
    // Of the transport that the client used; the other one is missing or 0.
    line(cf.clientTcpRtt || cf.clientQuicRtt),
    line(cf.edgeL4?.deliveryRate),
    line(cf.clientTcp),
    platformFacts(cf),
  ].join("\n");
  for (const [name, value] of request.headers) text += `\n${name}:${value}`;
  return text;
}
