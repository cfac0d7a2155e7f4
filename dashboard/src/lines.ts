// The Detector's series as lines of a plot.

import type { Series, Timeline } from "./api/types.ts";
import type { Line } from "./parts/plot.tsx";

/** Lines of one plot; more would not be told apart. */
export const MAX_LINES = 8;

/** Ranges that a client asks for because it is stuck, apart from those that it asks for anyway. */
export const STUCK = ["resume", "repeat", "restart"];
export const PARALLEL = ["tile", "chunk", "scatter"];

/** Counts of a moment are in this much later: a slot of 10 s, and what isolates and FireLogs keep back. */
const LATE_S = 25;

const none: number[] = [];

/** Without the steps at its end that are still being counted: a minute of which half is in looks like a fall. */
export function whole(data: Timeline, now_ms: number): Timeline {
  const end = now_ms / 1000 - LATE_S - data.step_s;
  const many = data.times.filter((time) => time <= end).length;
  const cut = (values: number[]) => values.slice(0, many);
  const series = data.series.map((one) => ({
    ...one,
    requests: cut(one.requests),
    starts: cut(one.starts),
    kinds: Object.fromEntries(Object.entries(one.kinds).map(([kind, values]) => [kind, cut(values)])),
    refused: cut(one.refused),
    denied: cut(one.denied),
    aborted: cut(one.aborted),
  }));
  return { ...data, times: cut(data.times), series };
}

export const kind = (name: string) => (series: Series): number[] => series.kinds[name] ?? none;

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

/** One line a kind of range. */
export const kindLines = (series: Series[], kinds: string[]): Line[] => kinds.map((name, at) => line(name, sum(series.map(kind(name))), at));

/** What a value of a step counts over. */
export function unit(step_s: number): string {
  if (step_s % 60 !== 0) return `per ${step_s} s`;
  return step_s === 60 ? "per minute" : `per ${step_s / 60} minutes`;
}
