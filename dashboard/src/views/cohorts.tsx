// Cohorts: which values of two attributes stand out, and by how much.

import { place, setQuery, to } from "../address.ts";
import { get } from "../api/client.ts";
import type { Anomaly, Cohorts as Answer, CohortPart } from "../api/types.ts";
import { cohortWords, count, expectation, kindWords, percent, times, timesCell } from "../format.ts";
import { useLive } from "../live.ts";
import { FilterBy } from "../parts/filter_by.tsx";
import { chosen, Filters, joined, SAMPLED_COHORT_FILTERS } from "../parts/filters.tsx";
import { Link } from "../parts/link.tsx";
import { MakeRule } from "../parts/make_rule.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { span, SpanFault, WindowBar } from "../parts/window.tsx";
import { ofCohort } from "../rule_language/conditions.ts";
import { bounds, isLive, spanFault } from "../span.ts";

const SINCE = "-1h";
const EVERY_MS = 15_000;
/** What cells count by, and what is estimated from a sample of requests. */
export const ATTRIBUTES = ["colo", "os", "family", "asn", "country", "route", "fingerprint"];
const SAMPLED = ["version", "repository", "digest", "size", "cloud", "cloud_region", "served_by", "protocol", "ip_version", "tcp"];
const ALL = [...ATTRIBUTES, ...SAMPLED];

export const KINDS = [
  "resume_surge",
  "stall_surge",
  "restart_surge",
  "range_refused",
  "abort_surge",
  "start_failed",
  "start_refused",
  "target_unreached",
  "range_loop",
  "slow_surge",
  "content_suspect",
];

/** Fewer expected events than this make any ratio: the cell is shown without colour. */
const MIN_EXPECTED_EVENTS = 3;

/** Ratios at which a cell becomes darker. */
const LEVELS = [1.5, 3, 6, 12, 24];

export function heat(events: number, expected: number): number {
  if (Math.max(events, expected) < MIN_EXPECTED_EVENTS) return 0;
  const ratio = events / Math.max(expected, 0.5);
  return LEVELS.filter((level) => ratio >= level).length;
}

/** Nothing over nothing is as expected; something over nothing has no ratio that says more than "over 1,000x". */
const ratioWords = (events: number, expected: number, words: (ratio: number) => string): string =>
  events === 0 ? "0x" : words(events / Math.max(expected, 1e-6));

const within = (parts: CohortPart[], attribute: string, value: string | null): boolean => {
  const part = parts.find((one) => one.attribute === attribute);
  return !part || part.values.includes(value ?? "") !== Boolean(part.not);
};

/** Both axes such that the cohort shows on them, where it can: what it is about goes down, what it leaves out across. */
export function axes(cohort: CohortPart[]): { x?: string; y?: string } {
  const known = cohort.filter((part) => ALL.includes(part.attribute));
  const ordered = [...known.filter((part) => !part.not), ...known.filter((part) => part.not)].map((part) => part.attribute);
  const [y, x = ["colo", "os"].find((other) => other !== y)] = ordered;
  if (y === undefined || x === undefined) return {};
  return y === "colo" ? { x: y, y: x } : { x, y };
}

export function Cohorts() {
  const { query } = place.value;
  const shown = span(SINCE);
  const [kind, x, y] = [query.get("kind") ?? "resume_surge", query.get("x") ?? "colo", query.get("y") ?? "os"];
  const anomaly = query.get("anomaly");
  const isSpan = spanFault(shown) === null;
  const filters = chosen(SAMPLED_COHORT_FILTERS);
  const live = useLive(
    isSpan ? JSON.stringify(["cohorts", kind, x, y, shown, filters]) : null,
    (signal) => {
      const [from, until] = bounds(shown, Date.now());
      const ends = { since: new Date(from).toISOString(), until: new Date(until).toISOString() };
      return get<Answer>("cohorts", { kind, x, y, ...ends, ...joined(filters) }, signal);
    },
    isLive(shown) ? EVERY_MS : 0,
  );
  const outlined = useLive(anomaly && `anomaly ${anomaly}`, (signal) => get<Anomaly>(`anomalies/${encodeURIComponent(anomaly ?? "")}`, {}, signal), 0);
  const isAbout = outlined.data?.cohort.some(({ attribute }) => attribute === x || attribute === y);
  const cohort = isAbout ? (outlined.data?.cohort ?? null) : null;
  const choose = (name: string, label: string, value: string, choices: string[]) => (
    <label class="inline">
      {label}{" "}
      <select value={value} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {kindWords(choice)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div class="stack">
      <h1 class="hidden">Cohorts</h1>
      <div class="bar spread">
        <WindowBar otherwise={SINCE} />
        <span class="bar choices">
          {choose("kind", "Kind", kind, KINDS)}
          {choose("x", "Across", x, ALL.filter((one) => one !== y))}
          {choose("y", "Down", y, ALL.filter((one) => one !== x))}
        </span>
      </div>
      <Filters fields={SAMPLED_COHORT_FILTERS} />
      {outlined.data && (
        <p class="notice">
          {cohort === null ? "This anomaly is about other attributes: " : "Outlined: the cohort of "}
          <Link to={to(["anomalies", outlined.data.id])}>{outlined.data.sentence}</Link>
        </p>
      )}
      {outlined.data && (
        <MakeRule of={ofCohort(outlined.data.cohort)} from={`${outlined.data.id}: ${cohortWords(outlined.data.cohort)}`}>
          Make a rule of this cohort
        </MakeRule>
      )}
      {isSpan ? (
        <Shown live={live} what="the cohorts">
          {(data) => (
            <>
              <Saturation of={data.saturation ?? []} />
              <Estimated data={data} filters={Object.keys(filters)} />
              <div class="heat-columns">
                <HeatMap data={data} cohort={cohort} />
                <StandingOut data={data} />
              </div>
            </>
          )}
        </Shown>
      ) : (
        <SpanFault shown={shown} />
      )}
    </div>
  );
}

/** A cohort that is missing may be in `other`. */
function Saturation({ of }: { of: NonNullable<Answer["saturation"]> }) {
  return of.map(({ attribute, other_requests, since }) => (
    <p class="notice" key={attribute}>
      Too many values of {attribute}: {count(other_requests)} requests are counted as other, since <Time at={since} />.
    </p>
  ));
}

/** What cells do not count by, and how many requests speak for it. */
function Estimated({ data, filters }: { data: Answer; filters: string[] }) {
  const by = [...new Set([data.y.attribute, data.x.attribute, ...filters])].filter((name) => SAMPLED.includes(name));
  if (by.length === 0) return null;
  const { sample } = data;
  const names = by.map(kindWords).join(" and ");
  if (!sample) return <p class="notice">Nothing is known by {names}: no requests of this time were sampled. Samples are kept for two days.</p>;
  return (
    <p class="notice">
      Estimated: by {names}, requests are sampled. Since <Time at={sample.since} /> the sample has {count(sample.events.sampled)} of the {count(sample.events.of)}{" "}
      events and {count(sample.trials.sampled)} of the {count(sample.trials.of)} requests that could have been one.
    </p>
  );
}

/** "about 40 (±6) events", where they are an estimate. */
const eventsWords = ({ events, events_error: error }: { events: number; events_error?: number | null }): string =>
  error === undefined || error === null ? count(events) : `about ${count(events)} (±${error < 10 ? error.toFixed(1) : count(Math.round(error))})`;

const isEstimate = ({ events_error: error }: { events_error?: number | null }): boolean => error !== undefined && error !== null && error > 0;

/** Filters of requests for a value. What a request does not say, or what is counted together, cannot be filtered by. */
function filtersOf(attribute: string, value: string): [string, string | null][] {
  const isNone = value === "" || value === "other" || (value === "unknown" && attribute !== "family");
  if (isNone) return [[attribute, null]];
  const [family = "", ...version] = value.split("/");
  return attribute === "version" ? [["family", family], ["version", version.join("/")]] : [[attribute, value]];
}

function HeatMap({ data, cohort }: { data: Answer; cohort: CohortPart[] | null }) {
  if (data.x.values.length === 0 || data.y.values.length === 0) {
    return <Empty title="No requests in this window">Choose a longer window, or remove a filter.</Empty>;
  }
  const at = new Map(data.cells.map((cell) => [`${cell.x} ${cell.y}`, cell]));
  return (
    <section class="card">
      <h2 class="capital">
        {kindWords(data.kind)} by {data.y.attribute} and {data.x.attribute}
      </h2>
      <p class="faint">
        Ratio of events to the number expected from the same clients, and the number of events. No colour: as expected, or too few events to tell.
        For the colour, the expectation is at least half an event.
      </p>
      <Legend isOutlined={cohort !== null} />
      <div class="scroller" tabIndex={0} role="region" aria-label={`${kindWords(data.kind)} by ${data.x.attribute} and ${data.y.attribute}`}>
        <table class="heat">
          <thead>
            <tr>
              <th scope="col">
                {data.y.attribute} \ {data.x.attribute}
              </th>
              {data.x.values.map((value) => (
                <th key={value} scope="col">
                  {value || "(none)"}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.y.values.map((down, y) => (
              <tr key={down}>
                <th scope="row">{down || "(none)"}</th>
                {data.x.values.map((across, x) => {
                  const cell = at.get(`${x} ${y}`);
                  const isOutlined = cohort !== null && within(cohort, data.x.attribute, across) && within(cohort, data.y.attribute, down);
                  return (
                    <td
                      key={across}
                      class={`heat-${cell ? heat(cell.events, cell.expected) : "none"}${isOutlined ? " outlined" : ""}`}
                      title={
                        cell &&
                        `${eventsWords(cell)} events in ${count(cell.trials)} (${percent(cell.events / Math.max(cell.trials, 1))}), expected ${expectation(cell.expected)}`
                      }
                    >
                      {cell ? (
                        <>
                          <FilterBy parts={[...filtersOf(data.x.attribute, across), ...filtersOf(data.y.attribute, down)]}>
                            <span class={cell.events === 0 ? "faint" : ""}>{ratioWords(cell.events, cell.expected, timesCell)}</span>
                          </FilterBy>
                          {cell.events > 0 && (
                            <small>
                              {isEstimate(cell) && "≈ "}
                              {count(cell.events)}
                            </small>
                          )}
                        </>
                      ) : (
                        <span class="hidden">no requests</span>
                      )}
                      {isOutlined && <span class="hidden"> in the anomaly's cohort</span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What the colours say. */
const Legend = ({ isOutlined }: { isOutlined: boolean }) => (
  <ul class="plain legend">
    {LEVELS.map((level, at) => (
      <li key={level}>
        <span class={`swatch heat-${at + 1}`} aria-hidden="true" /> {level}x and more
      </li>
    ))}
    {isOutlined && (
      <li>
        <span class="swatch swatch-outlined" aria-hidden="true" /> the anomaly's cohort
      </li>
    )}
  </ul>
);

/** The values that stand out most, attribute by attribute. */
function StandingOut({ data }: { data: Answer }) {
  const rows = data.attributes
    .flatMap(({ attribute, values }) => values.map((value) => ({ attribute, ...value })))
    .filter((row) => row.events >= MIN_EXPECTED_EVENTS)
    .sort((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0))
    .slice(0, 20);
  return (
    <section class="card" aria-labelledby="out">
      <h2 id="out">Standing out</h2>
      {rows.length === 0 ? (
        <p class="faint">No value has more than {MIN_EXPECTED_EVENTS} events.</p>
      ) : (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Value</th>
              <th scope="col" class="number">
                Events
              </th>
              <th scope="col" class="number">
                Expected
              </th>
              <th scope="col" class="number">
                Ratio
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.attribute} ${row.value}`}>
                <td>
                  <span class="faint">{kindWords(row.attribute)}</span> <FilterBy parts={filtersOf(row.attribute, row.value)}>{row.value || "(none)"}</FilterBy>
                </td>
                <td class="number" title={`${eventsWords(row)} events`}>
                  {isEstimate(row) && "≈ "}
                  {count(row.events)}
                </td>
                <td class="number">{expectation(row.expected)}</td>
                <td class="number">{ratioWords(row.events, row.expected, times)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
