// One line of the log: a message and fields, as JSON, which Workers Logs indexes and `jq` reads. `crates/wire/src/log.rs` has the
// same form for Rust. The linter lets nobody else write to the console.

/** @typedef {"error" | "warn" | "info"} Level error: not done, or lost; warn: tried again, or mends itself */

/** Letters of one value: an answer of a stranger's server may be the cause. */
const MAX_VALUE = 2000;

/**
 * `message` is the same each time the same thing happens; what differs is in the fields. One that is empty is left out.
 * @param {Level} level
 * @param {string} message
 * @param {Record<string, unknown>} [fields]
 */
export function log(level, message, fields = {}) {
  const told = Object.entries(fields).map(([name, value]) => [name, clip(`${value ?? ""}`)]);
  const known = told.filter(([, value]) => value !== "");
  console[level](JSON.stringify({ level, message: clip(message), ...Object.fromEntries(known) }));
}

/** @param {string} text */
const clip = (text) => text.slice(0, MAX_VALUE);
