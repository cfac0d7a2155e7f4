// Cohorts: which values of two attributes stand out, and by how much.

import { place, setQuery, to } from "../address.ts";
import { get } from "../api/client.ts";
import type { Anomaly, Cohorts as Answer, CohortPart } from "../api/types.ts";
import { count, kindWords, percent, times } from "../format.ts";
import { useLive } from "../live.ts";
import { chosen, COHORT_FILTERS, Filters, joined } from "../parts/filters.tsx";
import { Link } from "../parts/link.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { span, WindowBar } from "../parts/window.tsx";
import { bounds, isLive } from "../span.ts";

const SINCE = "-1h";
const EVERY_MS = 15_000;
const ATTRIBUTES = ["colo", "os", "family", "asn", "country", "route", "fingerprint"];
const KINDS = ["resume_surge", "stall_surge", "restart_surge", "range_refused", "abort_surge"];

/** Fewer expected events than this make any ratio: the cell is shown without colour. */
const MIN_EXPECTED_EVENTS = 3;

/** Ratios at which a cell becomes darker. */
const LEVELS = [1.5, 3, 6, 12, 24];

export function heat(events: number, expected: number): number {
  if (Math.max(events, expected) < MIN_EXPECTED_EVENTS) return 0;
  const ratio = events / Math.max(expected, 0.5);
  return LEVELS.filter((level) => ratio >= level).length;
}

const within = (parts: CohortPart[], attribute: string, value: string | null): boolean => {
  const part = parts.find((one) => one.attribute === attribute);
  return !part || part.values.includes(value ?? "") !== Boolean(part.not);
};

export function Cohorts() {
  const { query } = place.value;
  const shown = span(SINCE);
  const [kind, x, y] = [query.get("kind") ?? "resume_surge", query.get("x") ?? "colo", query.get("y") ?? "os"];
  const anomaly = query.get("anomaly");
  const filters = chosen(COHORT_FILTERS);
  const live = useLive(
    JSON.stringify(["cohorts", kind, x, y, shown, filters]),
    (signal) => {
      const [from, until] = bounds(shown, Date.now());
      const ends = { since: new Date(from).toISOString(), until: new Date(until).toISOString() };
      return get<Answer>("cohorts", { kind, x, y, ...ends, ...joined(filters) }, signal);
    },
    isLive(shown) ? EVERY_MS : 0,
  );
  const outlined = useLive(anomaly && `anomaly ${anomaly}`, (signal) => get<Anomaly>(`anomalies/${encodeURIComponent(anomaly ?? "")}`, {}, signal), 0);
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
        <span class="bar">
          {choose("kind", "Kind", kind, KINDS)}
          {choose("x", "Across", x, ATTRIBUTES.filter((one) => one !== y))}
          {choose("y", "Down", y, ATTRIBUTES.filter((one) => one !== x))}
        </span>
      </div>
      <Filters fields={COHORT_FILTERS} />
      {outlined.data && (
        <p class="notice">
          Outlined: the cohort of <Link to={to(["anomalies", outlined.data.id])}>{outlined.data.sentence}</Link>
        </p>
      )}
      <Shown live={live} what="the cohorts">
        {(data) => (
          <div class="heat-columns">
            <HeatMap data={data} cohort={outlined.data?.cohort ?? null} />
            <StandingOut data={data} />
          </div>
        )}
      </Shown>
    </div>
  );
}

function HeatMap({ data, cohort }: { data: Answer; cohort: CohortPart[] | null }) {
  if (data.x.values.length === 0 || data.y.values.length === 0) {
    return <Empty title="Nothing was counted in this window">Choose a longer window, or take a filter away.</Empty>;
  }
  const at = new Map(data.cells.map((cell) => [`${cell.x} ${cell.y}`, cell]));
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label={`${kindWords(data.kind)} by ${data.x.attribute} and ${data.y.attribute}`}>
      <table class="heat">
        <caption>
          {kindWords(data.kind)}: events over what is expected of the same clients; the stronger the colour, the more. Cells without colour are as expected, or have too few to tell.
        </caption>
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
                      `${count(cell.events)} events in ${count(cell.trials)} (${percent(cell.events / Math.max(cell.trials, 1))}), expected ${cell.expected.toPrecision(3)}`
                    }
                  >
                    {cell ? (
                      <>
                        <span>{cell.expected > 0 ? times(cell.events / cell.expected) : count(cell.events)}</span>
                        <small>{count(cell.events)}</small>
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
  );
}

/** The values that stand out most, attribute by attribute. */
function StandingOut({ data }: { data: Answer }) {
  const rows = data.attributes
    .flatMap(({ attribute, values }) => values.map((value) => ({ attribute, ...value })))
    .filter((row) => row.events >= MIN_EXPECTED_EVENTS)
    .sort((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0))
    .slice(0, 20);
  return (
    <section aria-labelledby="out">
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
                  <span class="faint">{row.attribute}</span> {row.value || "(none)"}
                </td>
                <td class="number">{count(row.events)}</td>
                <td class="number">{row.expected.toPrecision(3)}</td>
                <td class="number">{row.ratio === null ? "–" : times(row.ratio)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
