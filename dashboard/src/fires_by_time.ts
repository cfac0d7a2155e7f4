// Fires of the last hour by rule and route, in spans of five minutes. A span that is over does not change much: it is asked for
// once, and once more when late records had time to come; only the current one is asked for again and again.

import { get } from "./api/client.ts";
import type { Summary } from "./api/types.ts";

export const SPANS = 12;
export const SPAN_MS = 300_000;

/** A record may reach its FireLog this late (an isolate that retries its flush). */
const SETTLED_MS = 60_000;

/** Calls at a time: the page stays quick, and the FireLogs have others to answer. */
const AT_A_TIME = 3;

interface Kept {
  counts: Map<string, number>;
  isFinal: boolean;
}

const kept = new Map<number, Kept>();

export const pairKey = (rule: string, route: string): string => `${rule}\n${route}`;

/** Counts by `pairKey`, oldest span first. */
export async function firesByTime(now: number, signal: AbortSignal): Promise<Map<string, number[]>> {
  const current = Math.floor(now / SPAN_MS);
  const spans = Array.from({ length: SPANS }, (_, at) => current - SPANS + 1 + at);
  for (const span of kept.keys()) if (span < (spans[0] ?? 0)) kept.delete(span);
  const missing = spans.filter((span) => !kept.get(span)?.isFinal);
  for (let at = 0; at < missing.length; at += AT_A_TIME) {
    await Promise.all(missing.slice(at, at + AT_A_TIME).map((span) => load(span, now, signal)));
  }
  const series = new Map<string, number[]>();
  spans.forEach((span, at) => {
    for (const [key, count] of kept.get(span)?.counts ?? []) {
      const values = series.get(key) ?? new Array<number>(SPANS).fill(0);
      values[at] = count;
      series.set(key, values);
    }
  });
  return series;
}

async function load(span: number, now: number, signal: AbortSignal): Promise<void> {
  const until = (span + 1) * SPAN_MS;
  const query = {
    by: "rule,route",
    since: new Date(span * SPAN_MS).toISOString(),
    until: new Date(until).toISOString(),
    limit: 500,
  };
  const summary = await get<Summary>("fires/summary", query, signal);
  const counts = new Map(summary.groups.map((group) => [pairKey(String(group["rule"]), String(group["route"])), group.requests]));
  kept.set(span, { counts, isFinal: until + SETTLED_MS < now && !summary.incomplete });
}
