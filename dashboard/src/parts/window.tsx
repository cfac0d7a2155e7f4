// The span of time that a view shows: a time ago (`-1h`, kept fresh) or two moments (`since`, `until`), both in the address.

import { place, setQuery } from "../address.ts";

export interface Span {
  since: string;
  /** Empty: until now. */
  until: string;
}

const SPANS = ["-15m", "-1h", "-6h", "-24h", "-7d"];

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function span(otherwise: string): Span {
  const { query } = place.value;
  return { since: query.get("since") ?? otherwise, until: query.get("until") ?? "" };
}

/** Whether the span ends now, so that asking again can say something new. */
export const isLive = ({ until }: Span): boolean => until === "";

/** Unix milliseconds of a moment or of a time ago. */
export function moment(text: string, now: number): number {
  const ago = /^-(\d+)([smhd])$/.exec(text);
  if (ago) return now - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0);
  const at = Date.parse(text);
  return Number.isNaN(at) ? now : at;
}

/** Both ends in Unix milliseconds. */
export const bounds = ({ since, until }: Span, now: number): [number, number] => [
  moment(since, now),
  until === "" ? now : moment(until, now),
];

/** Seconds of a step, so that the span has about 360 of them: one a minute in six hours. */
export function step(length_ms: number): number {
  const steps = [10, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400];
  return steps.find((seconds) => length_ms / 1000 / seconds <= 400) ?? 86_400;
}

const setBounds = (from: number, until: number, replace = false): void =>
  setQuery({ since: new Date(Math.floor(from)).toISOString(), until: new Date(Math.ceil(until)).toISOString() }, replace);

/** A window brushed on a plot; Unix seconds. */
export const brushed = (from: number, until: number): void => setBounds(from * 1000, until * 1000);

export function WindowBar({ otherwise }: { otherwise: string }) {
  const now = span(otherwise);
  const move = (change: (from: number, until: number) => [number, number]) => () => setBounds(...change(...bounds(now, Date.now())));
  const part = (share: number) => (from: number, until: number) => (until - from) * share;
  return (
    <div class="bar" role="group" aria-label="Window">
      {SPANS.map((since) => (
        <button
          key={since}
          type="button"
          aria-pressed={now.since === since && isLive(now)}
          onClick={() => setQuery({ since, until: "" })}
        >
          {since.slice(1).replace("m", " min").replace("h", " h").replace("d", " d")}
        </button>
      ))}
      <span class="bar-gap" />
      <button type="button" aria-label="Earlier" title="Earlier" onClick={move((a, b) => [a - part(0.5)(a, b), b - part(0.5)(a, b)])}>
        ←
      </button>
      <button type="button" aria-label="Later" title="Later" onClick={move((a, b) => [a + part(0.5)(a, b), b + part(0.5)(a, b)])}>
        →
      </button>
      <button type="button" aria-label="Zoom in" title="Zoom in" onClick={move((a, b) => [a + part(0.25)(a, b), b - part(0.25)(a, b)])}>
        +
      </button>
      <button type="button" aria-label="Zoom out" title="Zoom out" onClick={move((a, b) => [a - part(0.5)(a, b), b + part(0.5)(a, b)])}>
        −
      </button>
      {!isLive(now) && (
        <span class="faint window-text">
          {now.since.slice(0, 16).replace("T", " ")} to {now.until.slice(0, 16).replace("T", " ")} UTC
        </span>
      )}
    </div>
  );
}
