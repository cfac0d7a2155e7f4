import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../../src/backoff.ts";
import { bounds, moment, spanFault, step } from "../../src/span.ts";

const NOW = Date.parse("2020-07-05T19:00:00Z");

test("a span is two moments or a time ago", () => {
  assert.equal(moment("-15m", NOW), NOW - 900_000);
  assert.equal(moment("-7d", NOW), NOW - 7 * 86_400_000);
  assert.equal(moment("2020-07-05T18:00:00.000Z", NOW), NOW - 3_600_000);
  assert.equal(moment("nonsense", NOW), NOW);
  assert.deepEqual(bounds({ since: "-1h", until: "" }, NOW), [NOW - 3_600_000, NOW]);
});

test("what is no span is said, with what was expected", () => {
  for (const span of [{ since: "-1h", until: "" }, { since: "2020-07-05T18:00:00Z", until: "2020-07-05T19:00:00Z" }, { since: "-7d", until: "-1d" }]) assert.equal(spanFault(span), null);
  assert.match(spanFault({ since: "garbage", until: "" }) ?? "", /^since=garbage is no time: expected an RFC 3339 time/);
  assert.match(spanFault({ since: "-1h", until: "-1y" }) ?? "", /^until=-1y is no time/);
  assert.match(spanFault({ since: "", until: "" }) ?? "", /^since= is no time/);
  assert.match(spanFault({ since: "2020-07-05T19:00:00Z", until: "2020-07-05T18:00:00Z" }) ?? "", /ends before it begins/);
});

test("a span has at most some 400 steps", () => {
  for (const [ms, seconds] of [[900_000, 10], [21_600_000, 60], [86_400_000, 300], [7 * 86_400_000, 1_800]] as const) assert.equal(step(ms), seconds);
});

test("attempts that fail come more seldom, up to a minute", () => {
  assert.equal(backoff(2_000, 0, 0), 2_000);
  assert.equal(backoff(2_000, 3, 0), 16_000);
  assert.equal(backoff(2_000, 30, 0), 60_000);
  assert.equal(backoff(300_000, 5, 0), 300_000);
  assert.ok(backoff(2_000, 3, 1) > 10_000 && backoff(2_000, 3, 1) < 16_000);
});
