import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, fromFirst, named, namedLines, NO_START, stuck, stuckLines, sum, unit, upstreamLines, whole } from "../../src/lines.ts";

const timeline = (step_s: number) => {
  const values = [5, 6, 7, 1];
  const series = [{ by: {}, requests: values, starts: values, kinds: { resume: values }, refused: values, denied: values, aborted: values, answers: { "2xx": values }, acted: {}, upstream: { logged: values }, events: { start_failed: values } }];
  return { since: "", until: "", step_s, times: [0, 1, 2, 3].map((at) => at * step_s), series, upstream_since: null, marks: [], incomplete: [] };
};

test("a step that is still being counted is not drawn", () => {
  // Three minutes and a half: the last minute has begun, and the one before is over for 30 s.
  assert.deepEqual(whole(timeline(60), 210_000).series[0]?.kinds["resume"], [5, 6, 7]);
  assert.deepEqual(whole(timeline(60), 210_000).series[0]?.events["start_failed"], [5, 6, 7]);
  // Only 20 s: late counts are still to come.
  assert.deepEqual(whole(timeline(60), 200_000).times, [0, 60]);
  assert.deepEqual(whole(timeline(60), 3_600_000), timeline(60));
});

test("a young deployment is shown from its beginning on", () => {
  const late = (requests: number[], marks: object[] = []) => {
    const line = timeline(60);
    const [one] = line.series;
    assert.ok(one);
    return fromFirst({ ...line, times: requests.map((_, at) => at * 60), series: [{ ...one, requests }], marks: marks as typeof line.marks });
  };
  assert.deepEqual(late([0, 0, 0, 0, 0, 0, 5, 7]).series[0]?.requests, [0, 0, 0, 5, 7]);
  assert.deepEqual(late([0, 0, 0, 0, 0, 0, 5, 7]).times[0], 180);
  assert.deepEqual(late([1, 0, 0, 0, 0]).times[0], 0);
  assert.deepEqual(late([0, 0, 0]).times.length, 3, "nothing yet");
  const switched = { time: "1970-01-01T00:01:10.000Z", type: "rule_change", id: "1", text: "" };
  assert.deepEqual(late([0, 0, 0, 0, 0, 0, 5, 7], [switched]).times[0], 0, "what happened before is shown too");
});

test("what upstream rules did is drawn in their colour", () => {
  const [one] = timeline(60).series;
  assert.ok(one);
  assert.deepEqual(upstreamLines([one]).map(({ values, colour }) => [values, colour]), [[[], "--upstream"], [[5, 6, 7, 1], "--upstream"]]);
  assert.deepEqual(whole(timeline(60), 210_000).series[0]?.upstream["logged"], [5, 6, 7]);
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

test("who refused a start is said apart", () => {
  const [one] = timeline(60).series;
  assert.ok(one);
  const series = { ...one, events: { start_failed: [1, 0], start_refused: [7, 4], start_refused_upstream: [5, 0] } };
  assert.deepEqual(
    namedLines([series], "events", NO_START).map(({ label, values }) => [label, values]),
    [
      ["failed (5xx or no answer)", [1, 0]],
      ["refused by the origin", [2, 4]],
      ["refused by upstream rules", [5, 0]],
    ],
  );
  // An older Detector does not tell them apart.
  assert.deepEqual(named("events", "start_refused_by_origin")({ ...one, events: { start_refused: [3] } }), [3]);
  assert.deepEqual([counted("start_refused_upstream", 1200), counted("block", 3)], ["1,200 refused by upstream rules", "3 blocked"]);
});
