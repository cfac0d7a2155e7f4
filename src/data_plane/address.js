// The address of a request. The runtime joins it of scheme, Host header and target without a look at them: a Host that is
// more than a host ends early, and the rest of it comes before the path that a front proxy has seen.

import { firstScheme } from "./facts.js";

const NO_HOST = /[\s/?#@\\]|^$/;

const SCHEME = /^https?$/i;

/**
 * Undefined where the Host header is no host. workerd puts whatever a proxy says in `forwardedProtoHeader` before it: a list of
 * several proxies' schemes is no scheme, and a client that is let through to it may write an address with a host of its own.
 * @param {ClientRequest} request
 */
export function addressOf({ headers, url }) {
  const host = headers.get("host") ?? "absent";
  const [said = "", ...rest] = url.split("://");
  if (NO_HOST.test(host) || rest[0]?.startsWith("/")) return undefined;
  const address = parsed(SCHEME.test(said) ? url : `${firstScheme(said)}://${rest.join("://")}`);
  const isSure = rest.length === 1 || host === "absent" || address?.hostname === parsed(`http://${host}`)?.hostname;
  return isSure ? address : undefined;
}

/** @param {string} address */
const parsed = (address) => (URL.canParse(address) ? new URL(address) : undefined);

/** The answer to such a request, whatever it asks for. */
export function noHost() {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "Proxy-Status": "blobwatch;error=http_request_error" };
  return new Response("the Host header is not a host\n", { status: 400, headers });
}
