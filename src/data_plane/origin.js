// The origin: what it is asked in the client's place. Bodies are passed on natively in both directions.

/** @import { Plan } from "./plan.js" */

import { firstScheme, schemeOf } from "./facts.js";

/** `scheme://host`, as far as it can be told without asking. */
const USABLE = /^https?:\/\/[^/\s]/i;

/**
 * Why a request cannot be forwarded.
 * @typedef {object} Fault
 * @property {number} status
 * @property {string} error of `Proxy-Status` (RFC 9209)
 * @property {string} message for the client, the log and `healthz`
 */

/**
 * On Cloudflare a route without an origin has the zone's own. Elsewhere the request's address is whatever the client names: any
 * host that this machine reaches.
 * @param {Plan} plan
 * @param {Env} env
 * @returns {Fault | undefined}
 */
export function originFault({ origin, route }, env) {
  if (origin === "" ? env.PLATFORM === "cloudflare" : USABLE.test(origin)) return undefined;
  const what = origin === "" ? "ORIGIN is not set, and the route has no origin" : "expected http:// or https:// and a host in the origin";
  return { status: 503, error: "proxy_configuration_error", message: `no origin for requests of ${named(route)}: ${what}` };
}

/**
 * @param {Plan} plan
 * @param {URL} url
 * @returns {Fault}
 */
export function loopFault({ origin, route }, url) {
  const message = `requests of ${named(route)} come back: its origin ${origin || url.origin} leads to this Blobwatch`;
  return { status: 508, error: "proxy_loop_detected", message };
}

/** @param {string} route */
const named = (route) => (route ? `route ${route}` : "a route"); // none is named where nothing was decided

/**
 * @param {ClientRequest} request
 * @param {URL} url
 * @param {Plan} plan
 * @param {string} passes `CDN-Loop`
 */
export function forward(request, url, plan, passes) {
  const target = plan.origin ? plan.origin + url.pathname + queryOf(url) : request.url;
  // A watched request has no body: naming its parts costs a quarter less CPU than `new Request(target, request)`.
  if (plan.watched) {
    const headers = new Headers(request.headers);
    setOwn(headers, passes);
    // workerd takes the header away where it believes it.
    if (url.protocol === "https:" && !headers.has("x-forwarded-proto")) headers.set("x-forwarded-proto", "https");
    const init = /** @type {const} */ ({ method: request.method, headers, redirect: "manual", ...CACHES[plan.cache] });
    return plan.follow ? follow(plan, target, init) : fetch(target, init);
  }
  const asked = copyOf(request, target);
  setOwn(asked.headers, passes);
  if (plan.origin) {
    // An origin that writes absolute upload locations must write the name that the client knows.
    asked.headers.set("x-forwarded-host", url.host);
    asked.headers.set("x-forwarded-proto", forwardedScheme(request, url));
  }
  return fetch(asked, { redirect: "manual" });
}

/**
 * What is asked of the platform's cache, by the plan's word. An answer that is no blob is not kept: without a word of it, errors
 * and redirects would be for minutes.
 * @type {Record<string, Pick<RequestInit, "cache" | "cf">>}
 */
const CACHES = {
  off: { cache: "no-store" },
  immutable: { cf: { cacheEverything: true, cacheTtlByStatus: { "200-206": 31_536_000, "300-599": -1 } } },
};

/**
 * With its `?`, also where nothing is behind it: `search` does not tell that from no query.
 * @param {URL} url
 */
const queryOf = ({ search, hash, href }) => (search === "" && hash === "" && href.endsWith("?") ? "?" : search);

/**
 * Follows redirects in the client's place. `fetch` would send the client's cookies to the other host.
 * @param {Plan} plan
 * @param {string} target
 * @param {RequestInit & { headers: Headers }} init
 */
async function follow(plan, target, init) {
  let url = new URL(target);
  for (let followed = 0; followed <= MAX_REDIRECTS; followed += 1) {
    const answer = await fetch(url.href, init);
    const location = REDIRECTS.includes(answer.status) ? answer.headers.get("location") : null;
    if (location === null) return answer;
    await answer.body?.cancel();
    const next = new URL(location, url);
    if (next.origin !== url.origin) for (const name of CREDENTIALS) init.headers.delete(name);
    plan.followedTo = next.origin;
    url = next;
  }
  throw new Error(`expected at most ${MAX_REDIRECTS} redirects`);
}

/** What `fetch` allows. */
const MAX_REDIRECTS = 20;

const REDIRECTS = [301, 302, 303, 307, 308];

/** Meant for the host that the client asked. */
const CREDENTIALS = ["authorization", "proxy-authorization", "cookie"];

/**
 * @param {Headers} headers
 * @param {string} passes
 */
function setOwn(headers, passes) {
  headers.set("cdn-loop", passes);
  headers.delete("blobwatch-token"); // an operator's token is nobody else's business
}

/**
 * @param {ClientRequest} request
 * @param {string} target
 */
function copyOf(request, target) {
  try {
    return new Request(target, request);
  } catch {
    const { method, headers, body } = request; // all but `cf`, which cannot be read
    return new Request(target, { method, headers, body });
  }
}

/**
 * The scheme that the client used. A proxy before us that ended TLS is not contradicted, though it cannot be told from a
 * client that says the same.
 * @param {ClientRequest} request
 * @param {URL} url
 */
function forwardedScheme(request, url) {
  const said = firstScheme(request.headers.get("x-forwarded-proto") ?? "");
  return said === "https" ? said : schemeOf(request, url);
}
