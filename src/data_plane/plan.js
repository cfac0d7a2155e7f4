// The plan: what Wasm decided about one request, in the lines that `crates/rulebook/src/plan.rs` writes.

/**
 * What to do with one request. One that is not watched has an origin, a route and nothing else of this.
 * @typedef {object} Plan
 * @property {boolean} watched
 * @property {string} origin `scheme://host[:port]`; empty: the request's own address
 * @property {string} route its name; empty where nothing was decided
 * @property {boolean} follow the origin's redirects are followed and not passed on
 * @property {string} followedTo `scheme://host[:port]` that a redirect was followed to; empty where none was
 * @property {string} id of the record
 * @property {string} fired the value of `Blobwatch-Fired`; empty where it is not disclosed
 * @property {boolean} observe the end of the body is to be seen
 * @property {string} cache what the platform's cache is asked for: `off`, `immutable`, or empty for nothing
 * @property {Refusal} [refusal]
 * @property {boolean} head the answer has no body
 * @property {number} generation of the Wasm instance that decided
 */

/**
 * An enforced rule's answer.
 * @typedef {object} Refusal
 * @property {number} status
 * @property {string} proxyStatus
 * @property {string} retryAfter empty: no such header
 * @property {string} body
 */

/**
 * @param {string} text
 * @param {boolean} head
 * @param {number} generation
 * @returns {Plan}
 */
export function readPlan(text, head, generation) {
  const [kind, origin = "", route = "", follow, id = "", fired = "", observe, cache = "", status, proxyStatus = "", retryAfter = "", ...body] =
    text.split("\n");
  /** @type {Plan} */
  const plan = { watched: kind !== "pass", origin, route, follow: follow === "1", followedTo: "", id, fired, observe: observe === "1", cache, head, generation };
  if (kind === "refuse") plan.refusal = { status: Number(status), proxyStatus, retryAfter, body: body.join("\n") };
  return plan;
}

/**
 * As if Blobwatch were absent.
 * @param {string} origin
 * @param {boolean} head
 * @returns {Plan}
 */
export function absentPlan(origin, head) {
  return readPlan(`pass\n${origin}`, head, 0);
}
