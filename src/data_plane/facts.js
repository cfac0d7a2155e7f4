// Facts: what a request says, read once into the one string that `crates/pull/src/facts.rs` parses. The fixed lines carry
// the platform's word only. On Cloudflare the `CF-*` headers are the platform's; anywhere else they are the
// client's, and `request.cf` alone is believed.

/**
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Env} env
 */
export function readFacts(request, url, env) {
  /** @type {Cf} */
  const cf = request.cf ?? {};
  const onCloudflare = env.PLATFORM === "cloudflare";
  const own = (/** @type {string} */ name) => (onCloudflare ? (request.headers.get(name) ?? "") : "");
  let text = [
    Date.now(),
    request.method,
    url.protocol.slice(0, -1),
    url.hostname,
    url.pathname,
    url.search.slice(1),
    cf.httpProtocol ?? "",
    cf.clientIp ?? own("cf-connecting-ip"),
    cf.ray ?? own("cf-ray"),
    cf.colo ?? "",
    cf.country ?? "",
    cf.continent ?? "",
    cf.asn ?? "",
    cf.tlsVersion ?? "",
    cf.tlsCipher ?? "",
    cf.tlsClientCiphersSha1 ?? "",
    cf.tlsClientExtensionsSha1 ?? "",
    cf.tlsClientExtensionsSha1Le ?? "",
    cf.tlsClientHelloLength ?? "",
    // Cloudflare rewrites the header and keeps the client's own beside it.
    onCloudflare ? (cf.clientAcceptEncoding ?? "") : (request.headers.get("accept-encoding") ?? ""),
    cf.botManagement?.ja4 ?? "",
    cf.botManagement?.ja3Hash ?? "",
  ].join("\n");
  for (const [name, value] of request.headers) text += `\n${name}:${value}`;
  return text;
}
