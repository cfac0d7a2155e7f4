// What is said of an answer, in the lines that `crates/pull/src/settle.rs` reads.

import { now } from "./clock.js";

/**
 * How a body ended; `not_observed` where nobody looked.
 * @typedef {"completed" | "client_closed" | "origin_failed" | "not_observed"} Outcome
 */

/** @typedef {[status: number, contentRange: string, contentLength: string, contentType: string]} Said */

/**
 * Content-Length. One that an origin says several times alike is that length (RFC 9112, section 6.3); the platform joins them.
 * @param {Headers} headers
 */
export function lengthOf(headers) {
  const said = headers.get("content-length") ?? "";
  const [first = "", ...others] = said.split(",").map((length) => length.trim());
  return others.every((length) => length === first) ? first : said;
}

/**
 * What a record keeps of an answer.
 * @param {number} status
 * @param {Headers} headers
 * @returns {Said}
 */
export const describe = (status, headers) => [
  status,
  headers.get("content-range") ?? "",
  lengthOf(headers),
  headers.get("content-type") ?? "",
];

/**
 * @param {Said} said
 * @param {Outcome} outcome
 */
export const writeSaid = (said, outcome) => [...said, outcome, now()].join("\n");
