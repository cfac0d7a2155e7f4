// The span of time that a view shows: a time ago (`-1h`, kept fresh) or two moments (`since`, `until`), both in the address.

import { place, setQuery } from "../address.ts";
import { Time } from "./time.tsx";
import { visibleText } from "../api/client.ts";
import { bounds, isLive, type Span, spanFault } from "../span.ts";

const SPANS = ["-15m", "-1h", "-6h", "-24h", "-7d"];

export function span(otherwise: string): Span {
  const { query } = place.value;
  return { since: query.get("since") ?? otherwise, until: query.get("until") ?? "" };
}

const setBounds = (from: number, until: number, replace = false): void =>
  setQuery({ since: new Date(Math.floor(from)).toISOString(), until: new Date(Math.ceil(until)).toISOString() }, replace);

/** A window brushed on a plot; Unix seconds. */
export const brushed = (from: number, until: number): void => setBounds(from * 1000, until * 1000);

/** In the place of what a window that is none would show. */
export const SpanFault = ({ shown }: { shown: Span }) => (
  <p class="notice notice-bad" role="alert">
    The address names no window: {visibleText(spanFault(shown) ?? "")}.
  </p>
);

export function WindowBar({ otherwise }: { otherwise: string }) {
  const now = span(otherwise);
  /** Moves both ends by shares of what lies between them. */
  const move = (first: number, last: number) => () => {
    const [from, until] = bounds(now, Date.now());
    setBounds(from + first * (until - from), until + last * (until - from));
  };
  const [from, until] = bounds(now, Date.now());
  return (
    <div class="bar" role="group" aria-label="Window">
      <span class="joined">
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
      </span>
      <span class="bar-gap" />
      <span class="joined">
        <button type="button" aria-label="Earlier" title="Earlier" onClick={move(-0.5, -0.5)}>
          ←
        </button>
        <button type="button" aria-label="Later" title="Later" onClick={move(0.5, 0.5)}>
          →
        </button>
        <button type="button" aria-label="Zoom in" title="Zoom in" onClick={move(0.25, -0.25)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" title="Zoom out" onClick={move(-0.5, 0.5)}>
          −
        </button>
      </span>
      {!isLive(now) && spanFault(now) === null && (
        <span class="faint window-text">
          <Time at={from} /> to <Time at={until} />
        </span>
      )}
    </div>
  );
}
