// Bounds that Rust holds to as well. `tests/lines/bounds.json` has each of them: a test on either side compares its own with it.

/** Oldest record that waits in an isolate: `DUE_AFTER_MS` of `crates/records`. */
export const FLUSH_AFTER_MS = 1000;

/** A flush that is not answered by then counts as failed: `ANSWER_WITHIN_MS` of `crates/records`. */
export const ANSWER_WITHIN_MS = 10_000;

/** Requests read the clock at their own pace: one may be so far ahead of another. `MAX_AHEAD_MS` of `crates/records`. */
export const MAX_AHEAD_MS = 1000;

/** FireLogs that one isolate sends to: `MAX_TARGETS` of `crates/records`. */
export const MAX_FIRE_LOGS = 256;

/** Longer than any object's answer is waited for (`crates/wire/src/answer_limit.rs`): the problem then names the object. */
export const OBJECTS_HOST_LIMIT_MS = 90_000;
