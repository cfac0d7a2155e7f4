import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, duration, expectation, percent, rise, short, times, utc } from "../../src/format.ts";

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

test("a rise from next to nothing has no ratio", () => {
  assert.equal(times(940), "940x");
  assert.equal(times(1_000), "over 1,000x");
  assert.equal(times(10e6), "over 1,000x");
  assert.equal(rise(0.004, 0.152), "from 0.4 % to 15.2 % of the cohort's requests, 38x");
  assert.equal(rise(0, 0.12), "from none to 12 % of the cohort's requests");
  assert.equal(rise(0.000_2, 0.9), "from 0.02 % to 90 % of the cohort's requests, over 1,000x");
  for (const [events, text] of [[0, "none"], [0.000_023, "none"], [0.26, "0.3"], [4.21, "4.2"], [68.1, "68"], [12_040, "12,040"]] as const)
    assert.equal(expectation(events), text);
});
