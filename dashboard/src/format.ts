// Numbers with their units, and times in UTC.

const whole = new Intl.NumberFormat("en-US");

/** 1,204 */
export const count = (number: number): string => whole.format(Math.round(number));

/** 1,204 · 12.3 k · 4.6 M: at most four digits, for axes and cells. */
export function short(number: number): string {
  const size = Math.abs(number);
  if (size >= 1e9) return `${digits(number / 1e9)} G`;
  if (size >= 1e6) return `${digits(number / 1e6)} M`;
  if (size >= 1e4) return `${digits(number / 1e3)} k`;
  return Number.isInteger(number) ? count(number) : digits(number);
}

const digits = (number: number): string => String(Number(number.toPrecision(3)));

/** 2.1 %; what is above nothing is never shown as 0 %. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.01) return "< 0.01 %";
  return `${Number(value.toPrecision(value >= 99 && value < 100 ? 4 : 3))} %`;
}

/** Above it a ratio says only that next to nothing was expected; the Detector's sentence stops there too. */
const MAX_TIMES = 1_000;

/** 38x; over 1,000x */
export const times = (ratio: number): string =>
  ratio >= MAX_TIMES ? `over ${count(MAX_TIMES)}x` : `${short(Number(ratio.toPrecision(2)))}x`;

/** As `times`, for a cell. */
export const timesCell = (ratio: number): string => times(ratio).replace("over ", ">\u2009");

/** A share of requests that is shown as 0 % or as good as that. */
const NEXT_TO_NONE = 0.000_1;

/** From 0.4 % to 15.2 % of the cohort's requests, 38x; from none to 12 % of the cohort's requests */
export function rise(baseline: number, observed: number): string {
  if (baseline < NEXT_TO_NONE) return `from none to ${percent(observed)} of the cohort's requests`;
  return `from ${percent(baseline)} to ${percent(observed)} of the cohort's requests, ${times(observed / baseline)}`;
}

/** How many events were expected: none, 0.3, 4.2, 68 */
export const expectation = (events: number): string => (events < 0.05 ? "none" : events < 10 ? events.toFixed(1) : count(events));

/** 12 KiB */
export function bytes(number: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = number;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : digits(value)} ${units[unit]}`;
}

const two = (number: number): string => String(number).padStart(2, "0");

/** 2020-07-05 */
export const utcDay = (date: Date): string => `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;

/** 19:04, or 19:04:30 */
export const utcClock = (date: Date, seconds = false): string =>
  `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${seconds ? `:${two(date.getUTCSeconds())}` : ""}`;

/** The clock alone on the day of `now`, else with the day; always said to be UTC. */
export function utc(date: Date, now: Date, seconds = false): string {
  const day = utcDay(date) === utcDay(now) ? "" : `${utcDay(date)} `;
  return `${day}${utcClock(date, seconds)} UTC`;
}

// Made once: making one costs more than a row of a list.
const here = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** The same moment where this browser is. */
export const local = (date: Date): string => `${here.format(date)} local time`;

/** 45 s, 12 min, 3 h 5 min, 2 d 4 h */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

/** Words of a cohort: `os amzn2; colo not IAD`. */
export function cohortWords(parts: { attribute: string; values: string[]; not?: boolean }[]): string {
  if (parts.length === 0) return "everybody";
  return parts.map((part) => `${attributeWords(part.attribute)} ${part.not ? "not " : ""}${part.values.join(", ")}`).join("; ");
}

/** `cloud_region` and its like for a person. */
function attributeWords(attribute: string): string {
  if (attribute === "digest") return "blob";
  if (attribute === "size") return "blobs of a size";
  return attribute.replaceAll("_", " ");
}

/** `resume_surge` for a person. */
export const kindWords = (kind: string): string => kind.replaceAll("_", " ");
