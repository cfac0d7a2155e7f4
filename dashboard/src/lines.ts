// The Detector's series as lines of a plot.

import type { Series, Timeline } from "./api/types.ts";
import { count } from "./format.ts";
import type { Line } from "./parts/plot.tsx";

/** Lines of one plot; more would not be told apart. */
export const MAX_LINES = 8;

/** Ranges that a client asks for because it is stuck, apart from those that it asks for anyway. */
export const STUCK = ["resume", "repeat", "restart"];
export const PARALLEL = ["tile", "chunk", "scatter"];

/** Classes of answers, what a rule does, and the starts that did not get their blob. */
export const CLASSES = ["2xx", "3xx", "4xx", "5xx", "none"];
export const ACTIONS = ["block", "throttle", "detour", "tag"];
/** What lets a request through is none of them. */
export const ALLOW = "allow";
export const NO_START = ["start_failed", "start_refused_by_origin", "start_refused_upstream"];
/** What rules of other parties did, by their own events. */
export const UPSTREAM = ["acted", "logged"];
export const FAULTS = [...NO_START, "target_unreached", "range_loop", "slow", "content_suspect"];

const WORDS: Record<string, string> = {
  none: "no answer",
  block: "blocked",
  throttle: "throttled",
  detour: "sent elsewhere",
  tag: "tagged",
  allow: "let through by an allow rule",
  acted: "acted on by upstream rules",
  logged: "only logged by upstream rules",
  start_failed: "failed (5xx or no answer)",
  start_refused_by_origin: "refused by the origin",
  start_refused_upstream: "refused by upstream rules",
  target_unreached: "redirects not followed",
  range_loop: "loops behind the end",
  slow: "slow downloads",
  content_suspect: "fetched again though whole",
  restart_after_cut: "again after a cut",
  restart_after_whole: "again after a whole body",
};

/** Counts of a moment are in this much later: a slot of 10 s, and what isolates and FireLogs keep back. */
const LATE_S = 25;

const none: number[] = [];

/** Without the steps at its end that are still being counted: a minute of which half is in looks like a fall. */
export function whole(data: Timeline, now_ms: number): Timeline {
  const end = now_ms / 1000 - LATE_S - data.step_s;
  return sliced(data, 0, data.times.filter((time) => time <= end).length);
}

function sliced(data: Timeline, from: number, until: number): Timeline {
  const cut = (values: number[]) => values.slice(from, until);
  const cutAll = (named: Record<string, number[]>) => Object.fromEntries(Object.entries(named).map(([name, values]) => [name, cut(values)]));
  const series = data.series.map((one) => ({
    ...one,
    requests: cut(one.requests),
    starts: cut(one.starts),
    kinds: cutAll(one.kinds),
    refused: cut(one.refused),
    denied: cut(one.denied),
    aborted: cut(one.aborted),
    answers: cutAll(one.answers),
    acted: cutAll(one.acted),
    upstream: cutAll(one.upstream),
    events: cutAll(one.events),
  }));
  return { ...data, times: cut(data.times), series };
}

/** Steps before the first request that are kept, so that a beginning is seen as one. */
const QUIET = 3;

/** Without the steps before anything was requested: a young deployment is no line at the right edge. */
export function fromFirst(data: Timeline): Timeline {
  const first = sum(data.series.map((one) => one.requests)).findIndex((many) => many > 0);
  const mark = data.marks[0] ? data.times.findIndex((time) => time + data.step_s > Date.parse(data.marks[0]?.time ?? "") / 1000) : -1;
  const begins = [first, mark].filter((at) => at >= 0);
  return begins.length === 0 ? data : sliced(data, Math.max(0, Math.min(...begins) - QUIET), data.times.length);
}

export const kind = (name: string) => (series: Series): number[] => series.kinds[name] ?? none;

type Group = "answers" | "acted" | "upstream" | "events";

/** In `start_refused` are the starts that rules of other parties refused, too. */
function refusedByOrigin(series: Series): number[] {
  const upstream = series.events["start_refused_upstream"] ?? none;
  return (series.events["start_refused"] ?? none).map((value, at) => Math.max(0, value - (upstream[at] ?? 0)));
}

export const named = (group: Group, name: string) => (series: Series): number[] =>
  name === "start_refused_by_origin" ? refusedByOrigin(series) : (series[group][name] ?? none);

/** What a name is called where its count is said: "12 blocked". */
export const counted = (name: string, many: number): string => `${count(many)} ${WORDS[name] ?? name}`;

/** One line a name of a group. */
export const namedLines = (series: Series[], group: Group, names: string[]): Line[] =>
  names.map((name, at) => line(WORDS[name] ?? name, sum(series.map(named(group, name))), at));

/** In the colour of what is not ours. */
export const upstreamLines = (series: Series[]): Line[] => namedLines(series, "upstream", UPSTREAM).map((one) => ({ ...one, colour: "--upstream" }));

/** Step by step. */
export function sum(lists: number[][]): number[] {
  const length = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length }, (_, at) => lists.reduce((total, list) => total + (list[at] ?? 0), 0));
}

export const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);

/** A line with the colour and the dashes of its place. */
export const line = (label: string, values: number[], at: number): Line => ({
  label,
  values,
  colour: `--line-${(at % MAX_LINES) + 1}`,
  ...(at % 3 === 1 ? { dash: [6, 3] } : at % 3 === 2 ? { dash: [2, 3] } : {}),
});

/** A second pull of what had arrived is nobody who is stuck: hosts behind one address and CI do that all day. */
function unhealthy(name: string): (series: Series) => number[] {
  if (name !== "restart") return kind(name);
  return (series) => {
    const healthy = named("events", "restart_after_whole")(series);
    return kind(name)(series).map((value, at) => Math.max(0, value - (healthy[at] ?? 0)));
  };
}

/** Requests of clients that are stuck. */
export const stuck = (series: Series): number[] => sum(STUCK.map((name) => unhealthy(name)(series)));

/** One line a kind of stuck client. */
export const stuckLines = (series: Series[]): Line[] => STUCK.map((name, at) => line(name, sum(series.map(unhealthy(name))), at));

/** One line a kind of range. */
export const kindLines = (series: Series[], kinds: string[]): Line[] => kinds.map((name, at) => line(name, sum(series.map(kind(name))), at));

/** What a value of a step counts over. */
export function unit(step_s: number): string {
  if (step_s % 60 !== 0) return `per ${step_s} s`;
  return step_s === 60 ? "per minute" : `per ${step_s / 60} minutes`;
}
