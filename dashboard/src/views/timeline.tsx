// Timeline: what the pulls do over time, with every anomaly and every change of a rule marked on it.

import { place, setQuery, to } from "../address.ts";
import { get } from "../api/client.ts";
import type { Mark, Series, Timeline as Answer } from "../api/types.ts";
import { count } from "../format.ts";
import { ACTIONS, ALLOW, CLASSES, FAULTS, fromFirst, kindLines, line, MAX_LINES, named, namedLines, NO_START, PARALLEL, stuck, stuckLines, sum, total, unit, UPSTREAM, upstreamLines, whole } from "../lines.ts";
import { useLive } from "../live.ts";
import { chosen, COHORT_FILTERS, Filters, joined } from "../parts/filters.tsx";
import { Link } from "../parts/link.tsx";
import { type Line as PlotLine, Plot } from "../parts/plot.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { brushed, span, SpanFault, WindowBar } from "../parts/window.tsx";
import { bounds, isLive, spanFault, step } from "../span.ts";
import { Compare, type Selection } from "./compare.tsx";

const SINCE = "-6h";
const EVERY_MS = 10_000;
const GROUPS = ["", "route", "colo", "family", "os", "asn"];

const AGAIN = ["restart_after_cut", "restart_after_whole"];
const OTHERS = FAULTS.filter((name) => !NO_START.includes(name));

/** What each plot counts. */
interface Measure {
  title: string;
  of: (series: Series) => number[];
}

const UPSTREAM_ACTED = "Acted on by upstream rules, by their own events";

const MEASURES: Measure[] = [
  { title: "Requests", of: (series) => series.requests },
  { title: "Resumes, repeats, restarts", of: stuck },
  { title: "Starts that failed, or were refused by the origin or upstream", of: (series) => sum(NO_START.map((name) => named("events", name)(series))) },
  { title: "Acted on by a rule", of: (series) => sum(ACTIONS.map((name) => named("acted", name)(series))) },
  { title: UPSTREAM_ACTED, of: named("upstream", "acted") },
  { title: "Let through by an allow rule", of: named("acted", ALLOW) },
  { title: "Ranges refused by the origin", of: (series) => series.refused },
  { title: "Bodies cut short", of: (series) => series.aborted },
];

/** One line a value of the chosen attribute, the largest first. */
function groupLines(series: Series[], measure: Measure, by: string): PlotLine[] {
  if (by === "") return [line(measure.title.toLowerCase(), sum(series.map(measure.of)), 0)];
  const size = (one: Series) => total(measure.of(one));
  const largest = [...series].sort((a, b) => size(b) - size(a)).slice(0, MAX_LINES);
  return largest.map((one, at) => line(one.by[by] || "(none)", measure.of(one), at));
}

export function Timeline() {
  const shown = span(SINCE);
  const by = place.value.query.get("by") ?? "";
  const filters = chosen(COHORT_FILTERS);
  const isSpan = spanFault(shown) === null;
  const key = JSON.stringify(["timeline", shown, by, filters]);
  const ask = (signal: AbortSignal) => {
    const [from, until] = bounds(shown, Date.now());
    const seconds = step(until - from);
    const query = { since: new Date(from).toISOString(), until: new Date(until).toISOString(), step: seconds, by, ...joined(filters) };
    return get<Answer>("timeline", query, signal);
  };
  const live = useLive(isSpan ? key : null, ask, isLive(shown) ? EVERY_MS : 0);
  return (
    <div class="stack">
      <h1 class="hidden">Timeline</h1>
      <div class="bar spread">
        <WindowBar otherwise={SINCE} />
        <label class="inline">
          Lines by{" "}
          <select value={by} onChange={(event) => setQuery({ by: event.currentTarget.value })}>
            {GROUPS.map((group) => (
              <option key={group} value={group}>
                {group || "kind"}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Filters fields={COHORT_FILTERS} />
      {isSpan ? (
        <>
          <Compare key={`compare ${key}`} what="This window against the hours around it." selection={around(shown, filters)} />
          <Shown live={live} what="the timeline">
            {(data) => <Plots data={place.value.query.has("since") ? whole(data, live.at) : fromFirst(whole(data, live.at))} by={by} />}
          </Shown>
        </>
      ) : (
        <SpanFault shown={shown} />
      )}
    </div>
  );
}

/** The window against as much as three times its length before it, and one after it. */
function around(shown: ReturnType<typeof span>, filters: Record<string, string[]>): Selection {
  const [from, until] = bounds(shown, Date.now());
  const at = (ms: number) => new Date(ms).toISOString();
  const all = { since: at(from - 3 * (until - from)), until: at(2 * until - from), filters };
  return { since: at(from), until: at(until), filters: {}, within: all };
}

const hasUpstream = (series: Series[]): boolean => UPSTREAM.some((name) => total(sum(series.map(named("upstream", name)))) > 0);

function Plots({ data, by }: { data: Answer; by: string }) {
  const requests = total(sum(data.series.map((one) => one.requests)));
  if (requests === 0 && data.marks.length === 0) {
    return <Empty title="No blob requests in this window">Choose a longer window, or remove a filter.</Empty>;
  }
  const common = { unit: unit(data.step_s), times: data.times, marks: data.marks, brush: brushed, sync: "timeline" };
  const [first, ...others] = MEASURES;
  return (
    <>
      <p class="faint">
        {count(requests)} requests. Drag over a plot, with a finger too, to look at a part; with keys: arrows move over a plot, with Shift they choose a
        part, Enter shows it.
      </p>
      <div class="plots">
        {first && <Plot {...common} title={first.title} lines={groupLines(data.series, first, by)} />}
        {by === "" ? (
          <>
            <Plot {...common} title="Answers by status class" lines={namedLines(data.series, "answers", CLASSES)} />
            <Plot {...common} title="Blob starts that failed or were refused, by whom" lines={namedLines(data.series, "events", NO_START)} />
            <Plot {...common} title="Acted on by a rule, by action" lines={namedLines(data.series, "acted", ACTIONS)} />
            {hasUpstream(data.series) && <Plot {...common} title={UPSTREAM_ACTED} lines={upstreamLines(data.series)} />}
            <Plot {...common} title="Resumed, repeated, requested again" lines={stuckLines(data.series)} />
            <Plot {...common} title="Requested again, by what became of the body before" lines={namedLines(data.series, "events", AGAIN)} />
            <Plot {...common} title="Redirects, loops, slow and suspect downloads" lines={namedLines(data.series, "events", OTHERS)} />
            <Plot {...common} title="Parallel and lazy clients: tile, chunk, scatter" lines={kindLines(data.series, PARALLEL)} />
          </>
        ) : null}
        {others.slice(by === "" ? 4 : 0).map((measure) => (
          <Plot key={measure.title} {...common} title={measure.title} lines={groupLines(data.series, measure, by)} />
        ))}
      </div>
      {hasUpstream(data.series) && data.upstream_since && Date.parse(data.upstream_since) > (data.times[0] ?? 0) * 1000 && (
        <p class="faint">
          Of upstream rules, all that they told is counted from <Time at={data.upstream_since} /> on; before it, only requests that never came to Blobwatch.
        </p>
      )}
      <Marks marks={data.marks} />
    </>
  );
}

function Marks({ marks }: { marks: Mark[] }) {
  if (marks.length === 0) return <p class="faint">No changes and no anomalies in this window.</p>;
  return (
    <section aria-labelledby="marks">
      <h2 id="marks">Events</h2>
      <ul class="plain card rows">
        {[...marks].reverse().map((mark, at) => (
          <li key={`${mark.time}${mark.type}${mark.id}`} class="row">
            <span class={`mark mark-${mark.type}`} aria-hidden="true" /> <b title="As on the plots">{marks.length - at}</b> <Time at={mark.time} seconds /> {mark.type.replaceAll("_", " ")}:{" "}
            {mark.type.startsWith("anomaly") ? <Link to={to(["anomalies", mark.id])}>{mark.text}</Link> : mark.text}
          </li>
        ))}
      </ul>
    </section>
  );
}
