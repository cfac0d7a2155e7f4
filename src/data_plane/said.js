// What is said of an answer, in the lines that `crates/pull/src/settle.rs` reads.

import { now } from "./clock.js";

/**
 * How a body ended; `not_observed` where nobody looked.
 * @typedef {"completed" | "client_closed" | "origin_failed" | "not_observed"} Outcome
 */

/** @typedef {[status: number, contentRange: string, contentLength: string, contentType: string, location: string, followedTo: string, cache: string]} Said */

/**
 * Content-Length. One that an origin says several times alike is that length; the platform joins them. Beside Transfer-Encoding
 * it counts for nothing (RFC 9112, section 6.3).
 * @param {Headers} headers
 */
export function lengthOf(headers) {
  const said = headers.get("content-length") ?? "";
  if (said && headers.has("transfer-encoding")) return "";
  const [first = "", ...others] = said.split(",").map((length) => length.trim());
  return others.every((length) => length === first) ? first : said;
}

/**
 * What a record keeps of an answer. Each header costs every pull: of caches the first that says something is asked.
 * @param {number} status
 * @param {Headers} headers
 * @param {string} followedTo where a redirect was followed to
 * @returns {Said}
 */
export const describe = (status, headers, followedTo) => [
  status,
  headers.get("content-range") ?? "",
  lengthOf(headers),
  headers.get("content-type") ?? "",
  status >= 300 && status <= 399 ? (headers.get("location") ?? "") : "",
  followedTo,
  headers.get("cf-cache-status") ?? headers.get("x-cache") ?? headers.get("age") ?? "",
];

/**
 * What is said of an answer that is ours.
 * @param {number} status
 * @returns {Said}
 */
export const describeOwn = (status) => [status, "", "", "", "", "", ""];

/**
 * @param {Said} said
 * @param {Outcome} outcome
 */
export const writeSaid = (said, outcome) => [...said, outcome, now()].join("\n");
