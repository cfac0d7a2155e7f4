// Now: is anything wrong, for whom, since when, and the two buttons that matter.

import { useEffect, useState } from "preact/hooks";
import { to } from "../address.ts";
import { get } from "../api/client.ts";
import type { Anomaly, Page, RequestRecord, Series, Timeline, Usual } from "../api/types.ts";
import { count, percent, short } from "../format.ts";
import { ACTIONS, ALLOW, counted, named, namedLines, NO_START, stuck, stuckLines, sum, total, unit, UPSTREAM, whole } from "../lines.ts";
import { useLive } from "../live.ts";
import { type OpenAnomalies, useOpen } from "../open.ts";
import { Limits, NoFault } from "../parts/coverage.tsx";
import { Extent } from "../parts/extent.tsx";
import { Link } from "../parts/link.tsx";
import { Pending } from "../parts/pending.tsx";
import { Plot } from "../parts/plot.tsx";
import { Failed, Loading, Notices, Shown } from "../parts/states.tsx";
import { Responses, SuspectButton } from "../parts/suspects.tsx";
import { Time } from "../parts/time.tsx";
import { operatesSomewhere } from "../session.ts";
import { learningWords, useUsual } from "../usual.ts";
import { FirstStart, Playing } from "./first_start.tsx";
import { ToMonitor } from "./to_monitor.tsx";

/** How often it is asked whether the first pull came. */
const EVERY_MS = 5_000;

export function Now() {
  const open = useOpen();
  const closed = useLive("closed", (signal) => get<Page<Anomaly>>("anomalies", { status: "closed", since: "-24h", limit: 8 }, signal), 30_000);
  const [isFirst, setFirst] = useState(true);
  const last = useLive("last", (signal) => get<Page<RequestRecord>>("requests", { limit: 1 }, signal), isFirst ? EVERY_MS : 0);
  const hasSome = last.data !== undefined && last.data.items.length > 0;
  useEffect(() => setFirst(!hasSome), [hasSome]);

  if (last.data?.items.length === 0 && !last.data.next_cursor && !open.data?.items.length) return <FirstStart />;
  return (
    <div class="stack">
      <h1 class="hidden">Now</h1>
      <Open live={open} />
      <Pending done={open.refresh} />
      <Playing />
      <LastHour />
      {closed.data && closed.data.items.length > 0 && (
        <section aria-labelledby="closed">
          <h2 id="closed">Closed in the last 24 hours</h2>
          <ul class="plain card rows">
            {closed.data.items.map((anomaly) => (
              <li key={anomaly.id} class="row spread-row">
                <Link to={to(["anomalies", anomaly.id])}>{anomaly.sentence}</Link>
                <span class="faint">
                  closed <Time at={anomaly.closed ?? anomaly.opened} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Open({ live }: { live: OpenAnomalies }) {
  if (live.data === undefined) {
    return live.problem ? <Failed problem={live.problem} what="anomalies" /> : <Loading what="anomalies" />;
  }
  const { items, coverage } = live.data;
  return (
    <section aria-label="Open anomalies" aria-live="polite">
      <Notices live={live} />
      {items.length === 0 ? (
        <NoFault coverage={coverage} />
      ) : (
        <ul class="plain stack">
          {items.map((anomaly) => (
            <AnomalyCard key={anomaly.id} anomaly={anomaly} />
          ))}
        </ul>
      )}
      <Limits coverage={coverage} />
    </section>
  );
}

function AnomalyCard({ anomaly }: { anomaly: Anomaly }) {
  const [rule, setRule] = useState<string | null>(null);
  const suspect = anomaly.rules[0];
  return (
    <li class="card card-bad">
      <p class="sentence">{anomaly.sentence}</p>
      <Extent anomaly={anomaly} />
      <Responses anomaly={anomaly} />
      <div class="actions">
        <Link to={to(["anomalies", anomaly.id])} class="button primary">
          Open
        </Link>
        {suspect && <SuspectButton suspect={suspect} choose={setRule} />}
        {suspect && !suspect.taken_back && !operatesSomewhere.value && <span class="faint">only an operator can switch rules</span>}
        {!suspect && <span class="faint">no rule correlates</span>}
      </div>
      {rule && <ToMonitor rule={rule} anomaly={anomaly} close={() => setRule(null)} />}
    </li>
  );
}

/** Numbers that say whether pulls flow; from the Detector's minutes, so that asking costs no search of records. */
function LastHour() {
  const live = useLive("hour", (signal) => get<Timeline>("timeline", { since: "-1h", step: 60 }, signal), 15_000);
  const usual = useUsual();
  return (
    <section aria-labelledby="hour">
      <h2 id="hour">The last hour</h2>
      {usual.data?.learning && <p class="faint">Beside each number stands what is usual at this hour, once that is known: {learningWords(usual.data)}.</p>}
      <Shown live={live} what="the last hour">
        {(data) => (
          <>
            <Figures series={data.series} usual={usual.data} />
            <Plots data={whole(data, live.at)} />
          </>
        )}
      </Shown>
    </section>
  );
}

/** What goes wrong when something does, with what was changed and what was found marked on it. */
function Plots({ data }: { data: Timeline }) {
  const common = { unit: unit(data.step_s), times: data.times, marks: data.marks, sync: "now", height: 120 };
  return (
    <div class="plots">
      <Plot {...common} title="Resumed, repeated, requested again" lines={stuckLines(data.series)} />
      <Plot {...common} title="Blob starts that failed or were refused, by whom" lines={namedLines(data.series, "events", NO_START)} />
      <Plot {...common} title="Acted on by a rule" lines={namedLines(data.series, "acted", [...ACTIONS, ALLOW])} />
    </div>
  );
}

/** What the figures are made of: of the last hour, and of what is usual. */
function counts(series: Series[]) {
  const of = (values: (one: Series) => number[]) => total(sum(series.map(values)));
  const requests = of((one) => one.requests);
  return {
    requests,
    acted: ACTIONS.map((name) => ({ name, many: of(named("acted", name)) })),
    allowed: of(named("acted", ALLOW)),
    notBegun: NO_START.map((name) => ({ name, many: of(named("events", name)) })),
    upstream: UPSTREAM.map((name) => ({ name, many: of(named("upstream", name)) })),
    healthy: of(named("events", "restart_after_whole")),
    stuck: of(stuck),
    share: (part: number) => (requests > 0 ? percent(part / requests) : "–"),
  };
}

type Counts = ReturnType<typeof counts>;

const all = (parts: { many: number }[]): number => parts.reduce((sum, { many }) => sum + many, 0);

interface Figure {
  label: string;
  value: (of: Counts) => string;
  note: string;
  to: string;
}

function figures(now: Counts): Figure[] {
  const acted = now.acted.filter(({ many }) => many > 0);
  const notes = [...acted.map(({ name, many }) => counted(name, many)), ...(now.allowed > 0 ? [`${count(now.allowed)} more let through by an allow`] : [])];
  return [
    { label: "blob requests", value: (of) => count(of.requests), note: rateWords(now.requests), to: to(["timeline"]) },
    {
      label: "starts failed, or refused by the origin or upstream",
      value: (of) => of.share(all(of.notBegun)),
      note: now.notBegun.map(({ name, many }) => counted(name, many)).join(", "),
      to: to(["timeline"], { since: "-1h" }),
    },
    {
      label: "acted on by a rule",
      value: (of) => of.share(all(of.acted)),
      note: notes.join(", ") || "none",
      to: to(["fires"], { verdict: ACTIONS.join(","), since: "-1h" }),
    },
    {
      label: "resumed, repeated, requested again",
      value: (of) => of.share(of.stuck),
      note: `${count(now.stuck)} requests; ${count(now.healthy)} more pulled again what had arrived`,
      to: to(["fires"], { all: "yes", range: "resume,repeat,restart", since: "-1h" }),
    },
  ];
}

/** Of requests that another party's rules acted on, most never come to us: they are counted, and are no share of ours. */
const upstreamFigure = (now: Counts): Figure => ({
  label: "acted on by upstream rules",
  value: (of) => count(of.upstream[0]?.many ?? 0),
  note: `${count(now.upstream[1]?.many ?? 0)} only logged; as they told`,
  to: to(["fires"], { origin: "upstream", since: "-1h" }),
});

function Figures({ series, usual }: { series: Series[]; usual: Usual | undefined }) {
  const now = counts(series);
  const before = usual && !usual.learning ? counts(usual.series) : null;
  const shown = [...figures(now), ...(all(now.upstream) + all(before?.upstream ?? []) > 0 ? [upstreamFigure(now)] : [])];
  return (
    <ul class="plain figures">
      {shown.map((figure) => (
        <li key={figure.label}>
          <Link to={figure.to}>
            <span class="figure">{figure.value(now)}</span>
            <span>{figure.label}</span>
            {before && <span class="faint">usually {figure.value(before)}</span>}
            <span class="faint">{figure.note}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** Of an hour's requests; less than one a second is nothing that anybody can picture. */
const rateWords = (requests: number): string => (requests < 3600 ? "in the last hour" : `${short(requests / 3600)} a second`);
