// What is said of an answer, in the lines that `crates/pull/src/settle.rs` reads.

import { now } from "./clock.js";

/**
 * How a body ended; `not_observed` where nobody looked.
 * @typedef {"completed" | "client_closed" | "origin_failed" | "not_observed"} Outcome
 */

/** @typedef {[status: number, contentRange: string, contentLength: string, contentType: string]} Said */

/**
 * What a record keeps of an answer.
 * @param {number} status
 * @param {Headers} headers
 * @returns {Said}
 */
export const describe = (status, headers) => [
  status,
  headers.get("content-range") ?? "",
  headers.get("content-length") ?? "",
  headers.get("content-type") ?? "",
];

/**
 * @param {Said} said
 * @param {Outcome} outcome
 */
export const writeSaid = (said, outcome) => [...said, outcome, now()].join("\n");
