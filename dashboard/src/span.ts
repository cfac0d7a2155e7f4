// A span of time: a time ago (`-1h`) or two moments.

export interface Span {
  since: string;
  /** Empty: until now. */
  until: string;
}

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Whether the span ends now, so that asking again can say something new. */
export const isLive = ({ until }: Span): boolean => until === "";

/** What is no time in a span, and what was expected; none if it is one. */
export function spanFault({ since, until }: Span): string | null {
  const wrong = Object.entries({ since, until }).find(([name, text]) => !(name === "until" && text === "") && !isTime(text));
  if (wrong) return `${wrong[0]}=${wrong[1]} is no time: expected an RFC 3339 time (2020-07-05T19:00:00Z) or a relative one (-15m)`;
  const [from, end] = bounds({ since, until }, Date.now());
  return from < end ? null : "the window ends before it begins: expected a time in since that is before the one in until";
}

const isTime = (text: string): boolean => AGO.test(text) || !Number.isNaN(Date.parse(text));

const AGO = /^-(\d+)([smhd])$/;

/** Unix milliseconds of a moment or of a time ago. */
export function moment(text: string, now: number): number {
  const ago = AGO.exec(text);
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
