import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, duration, percent, short, times, utc } from "../../src/format.ts";

test("numbers are short and have units", () => {
  assert.equal(count(1204), "1,204");
  for (const [number, text] of [[0, "0"], [9999, "9,999"], [12_345, "12.3 k"], [4_600_000, "4.6 M"], [0.25, "0.25"]] as const) assert.equal(short(number), text);
  assert.equal(bytes(512), "512 B");
  assert.equal(bytes(912_000_000_000), "849 GiB");
  assert.equal(times(38.04), "38x");
});

test("a share above nothing is never 0 %, and one below all never 100 %", () => {
  for (const [share, text] of [[0, "0 %"], [1e-6, "< 0.01 %"], [0.021, "2.1 %"], [0.9996, "99.96 %"], [1, "100 %"]] as const) assert.equal(percent(share), text);
});

test("a moment of another day has its day", () => {
  const at = new Date("2020-07-05T19:04:30Z");
  assert.equal(utc(at, new Date("2020-07-05T23:59:59Z")), "19:04 UTC");
  assert.equal(utc(at, new Date("2020-07-06T00:00:00Z"), true), "2020-07-05 19:04:30 UTC");
});

test("durations use two units at most", () => {
  for (const [ms, text] of [[-5, "0 s"], [45_000, "45 s"], [720_000, "12 min"], [11_100_000, "3 h 5 min"], [187_200_000, "2 d 4 h"]] as const) assert.equal(duration(ms), text);
});
