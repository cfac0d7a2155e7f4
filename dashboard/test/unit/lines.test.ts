import assert from "node:assert/strict";
import { test } from "node:test";
import { stuck, stuckLines, sum, unit, whole } from "../../src/lines.ts";

const timeline = (step_s: number) => {
  const values = [5, 6, 7, 1];
  const series = [{ by: {}, requests: values, starts: values, kinds: { resume: values }, refused: values, denied: values, aborted: values, answers: { "2xx": values }, acted: {}, events: { start_failed: values } }];
  return { since: "", until: "", step_s, times: [0, 1, 2, 3].map((at) => at * step_s), series, marks: [], incomplete: [] };
};

test("a step that is still being counted is not drawn", () => {
  // Three minutes and a half: the last minute has begun, and the one before is over for 30 s.
  assert.deepEqual(whole(timeline(60), 210_000).series[0]?.kinds["resume"], [5, 6, 7]);
  assert.deepEqual(whole(timeline(60), 210_000).series[0]?.events["start_failed"], [5, 6, 7]);
  // Only 20 s: late counts are still to come.
  assert.deepEqual(whole(timeline(60), 200_000).times, [0, 60]);
  assert.deepEqual(whole(timeline(60), 3_600_000), timeline(60));
});

test("lists are added step by step, whatever their lengths", () => {
  assert.deepEqual(sum([[1, 2], [10], []]), [11, 2]);
  assert.deepEqual([unit(10), unit(60), unit(300)], ["per 10 s", "per minute", "per 5 minutes"]);
});

test("a second pull of what had arrived is not shown as stuck", () => {
  const [one] = timeline(60).series;
  assert.ok(one);
  const series = { ...one, kinds: { resume: [1, 0], restart: [9, 9] }, events: { restart_after_whole: [8, 12] } };
  assert.deepEqual(stuck(series), [2, 0]);
  assert.deepEqual(stuckLines([series]).map(({ values }) => values), [[1, 0], [], [1, 0]]);
});
