// One anomaly: for whom, since when, which rules go with it, what happened to it, and the report to hand on.

import { useState } from "preact/hooks";
import { place, to } from "../address.ts";
import { get, getText, toProblem } from "../api/client.ts";
import type { Anomaly as Answer, Problem, Series, Timeline } from "../api/types.ts";
import { cohortWords, kindWords, percent, times } from "../format.ts";
import { FAULTS, line, namedLines, stuckLines, sum, total, unit, whole } from "../lines.ts";
import { useLive } from "../live.ts";
import { Extent } from "../parts/extent.tsx";
import { Link } from "../parts/link.tsx";
import { MakeRule } from "../parts/make_rule.tsx";
import { Plot } from "../parts/plot.tsx";
import { Empty, Refusal, Shown } from "../parts/states.tsx";
import { RuleName } from "../parts/origin.tsx";
import { Responses, SuspectButton } from "../parts/suspects.tsx";
import { Time } from "../parts/time.tsx";
import { ofCohort } from "../rule_language/conditions.ts";
import { step } from "../span.ts";
import { AnomalyActs } from "./anomaly_acts.tsx";
import { AnomalyShares } from "./anomaly_shares.tsx";
import { ATTRIBUTES, axes, KINDS } from "./cohorts.tsx";
import { Packets } from "./packets.tsx";
import { ToMonitor } from "./to_monitor.tsx";

/** Shown around the anomaly in Timeline. */
const BEFORE_MS = 3_600_000;
const AFTER_MS = 1_800_000;
const PACKETS_BEFORE_MS = 1_800_000;
const PACKETS_MS = 7_200_000;

export function Anomaly() {
  const id = place.value.rest[0] ?? "";
  const live = useLive(id ? `anomaly ${id}` : null, (signal) => get<Answer>(`anomalies/${encodeURIComponent(id)}`, {}, signal), 5_000);
  if (!id) return <Empty title="No anomaly selected">Open one from Now.</Empty>;
  return (
    <Shown live={live} what={`anomaly ${id}`}>
      {(data) => <Details anomaly={data} refresh={live.refresh} />}
    </Shown>
  );
}

function around(anomaly: Answer): { since: string; until?: string } {
  const since = new Date(Date.parse(anomaly.onset) - BEFORE_MS).toISOString();
  if (anomaly.closed === null) return { since };
  return { since, until: new Date(Date.parse(anomaly.closed) + AFTER_MS).toISOString() };
}

/** The anomaly's own window: what came before it is what it is compared with. */
const during = (anomaly: Answer) => ({ since: anomaly.onset, ...(anomaly.closed && { until: anomaly.closed }) });

/** As the report has it: two hours, from half an hour before the onset on. */
function ofPackets(anomaly: Answer) {
  const since = Date.parse(anomaly.onset) - PACKETS_BEFORE_MS;
  return { since, until: since + PACKETS_MS };
}

/** The cohort as filters of a view that knows these attributes; what it excludes cannot be said there. */
function filters(anomaly: Answer, known: string[]): Record<string, string> {
  const parts = anomaly.cohort.filter((part) => !part.not && known.includes(part.attribute));
  return Object.fromEntries(parts.map((part) => [part.attribute, part.values.join(",")]));
}

/** One value of these can be filtered by where requests are listed. */
const OF_REQUESTS = [...ATTRIBUTES, "served_by"];
const ONE_OF_REQUESTS = ["repository", "digest", "tcp"];

function requestFilters(anomaly: Answer): Record<string, string> {
  const single = anomaly.cohort.filter((part) => ONE_OF_REQUESTS.includes(part.attribute) && part.values.length === 1);
  return filters(anomaly, [...OF_REQUESTS, ...single.map((part) => part.attribute)]);
}

function Details({ anomaly, refresh }: { anomaly: Answer; refresh: () => void }) {
  const [rule, setRule] = useState<string | null>(null);
  const window = around(anomaly);
  return (
    <div class="stack">
      <section class={`card ${anomaly.status === "open" ? "card-bad" : ""}`}>
        <h1 class="sentence">{anomaly.sentence}</h1>
        <Extent anomaly={anomaly} />
        <Responses anomaly={anomaly} />
        <div class="actions">
          {anomaly.status === "open" && anomaly.rules.map((suspect) => <SuspectButton key={suspect.rule} suspect={suspect} choose={setRule} />)}
          <Link to={to(["timeline"], { ...window, ...filters(anomaly, ATTRIBUTES) })} class="button">
            Timeline
          </Link>
          <Link to={to(["cohorts"], { ...during(anomaly), anomaly: anomaly.id, ...(KINDS.includes(anomaly.kind) && { kind: anomaly.kind }), ...axes(anomaly.cohort) })} class="button">
            Cohorts
          </Link>
          <Link to={to(["fires"], { ...window, ...requestFilters(anomaly), all: "yes" })} class="button">
            Requests
          </Link>
          <MakeRule of={ofCohort(anomaly.cohort)} from={`${anomaly.id}: ${cohortWords(anomaly.cohort)}`}>
            Make a rule of this cohort
          </MakeRule>
        </div>
        <AnomalyActs anomaly={anomaly} refresh={refresh} />
        {rule && <ToMonitor rule={rule} anomaly={anomaly} close={() => setRule(null)} />}
      </section>
      <CohortPlot anomaly={anomaly} window={window} />
      <div class="columns">
        <section class="card" aria-labelledby="facts">
          <h2 id="facts">Summary</h2>
          <dl class="facts">
            <dt>Anomaly</dt>
            <dd>
              {anomaly.id}, {anomaly.status}
            </dd>
            <dt>Kinds</dt>
            <dd>{anomaly.kinds.map(kindWords).join(", ")}</dd>
            <dt>Cohort</dt>
            <dd>{cohortWords(anomaly.cohort)}</dd>
          </dl>
        </section>
        <Routes anomaly={anomaly} />
        <Windows anomaly={anomaly} />
        <Rules anomaly={anomaly} />
      </div>
      <Packets window={ofPackets(anomaly)} />
      {anomaly.evidence.length > 0 && (
        <section class="card" aria-labelledby="evidence">
          <h2 id="evidence">Example requests</h2>
          <ul class="plain evidence">
            {anomaly.evidence.map((id) => (
              <li key={id}>
                <Link to={to(["fires"], { all: "yes", id, since: "-7d", open: id })} class="mono">
                  {id}
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Report id={anomaly.id} />
      <AnomalyShares key={anomaly.id} id={anomaly.id} />
      {history(anomaly).length > 0 && (
        <section class="card" aria-labelledby="history">
          <h2 id="history">History</h2>
          <ul class="plain">
            {history(anomaly).map((entry) => (
              <li key={`${entry.time}${entry.event}${entry.text}`} class="row">
                <Time at={entry.time} seconds /> <strong>{entry.event}</strong> {by(entry)}
                {entry.text}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

type Entry = NonNullable<Answer["history"]>[number];

/** Who did it, where the text does not say so. */
const by = (entry: Entry) => (entry.by && !entry.text.endsWith(entry.by) ? `by ${entry.by}${entry.text ? ": " : ""}` : "");

/** What became of it and what was done about it, oldest first; a Detector of an older build lists changes apart. */
function history(anomaly: Answer): Entry[] {
  const told = anomaly.history ?? [];
  const isNew = ({ time, text }: { time: string; text: string }) => !told.some((entry) => entry.time === time && entry.text === text);
  const done = (anomaly.responses ?? []).filter(isNew).map(({ time, text }) => ({ time, event: "response", text, by: null }));
  return [...told, ...done].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
}

/** Requests of its cohort that are stuck: they fall where the cause is gone. */
function CohortPlot({ anomaly, window }: { anomaly: Answer; window: ReturnType<typeof around> }) {
  const live = useLive(
    JSON.stringify(["cohort", anomaly.id, window]),
    (signal) => {
      const ends = { since: window.since, until: window.until ?? new Date().toISOString() };
      const seconds = step(Date.parse(ends.until) - Date.parse(ends.since));
      return get<Timeline>("timeline", { ...ends, step: seconds, ...filters(anomaly, ATTRIBUTES) }, signal).then((data) => whole(data, Date.now()));
    },
    window.until ? 0 : 10_000,
  );
  const excluded = anomaly.cohort.some((part) => part.not || !ATTRIBUTES.includes(part.attribute));
  return (
    <Shown live={live} what="its requests">
      {(data) => {
        const of = (label: string, values: (one: Series) => number[], at: number) => line(label, sum(data.series.map(values)), at);
        const others = [
          of("ranges refused", (one) => one.refused, 3),
          of("bodies cut short", (one) => one.aborted, 4),
          ...namedLines(data.series, "events", FAULTS),
        ];
        const lines = [...stuckLines(data.series), ...others.filter(({ values }) => total(values) > 0)];
        const per = unit(data.step_s);
        const title = `Faults for ${cohortWords(anomaly.cohort.filter((part) => !part.not && ATTRIBUTES.includes(part.attribute)))}`;
        return (
          <Plot
            title={title}
            unit={excluded ? `${per}; includes requests outside of the cohort` : per}
            times={data.times}
            lines={lines}
            marks={data.marks}
          />
        );
      }}
    </Shown>
  );
}

/** Changes of the route that most of it is on, near the onset. */
function Routes({ anomaly }: { anomaly: Answer }) {
  const changes = anomaly.routes ?? [];
  if (changes.length === 0) return null;
  return (
    <section class="card" aria-labelledby="routes">
      <h2 id="routes">Changed routes</h2>
      <p class="faint">This is an association, not proof: revert the change, and see whether the rate falls.</p>
      <ul class="plain stack">
        {changes.map((change) => (
          <li key={change.route}>
            <Time at={change.changed} seconds /> {change.text}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What another party mitigated meanwhile, by its own word. */
function Windows({ anomaly }: { anomaly: Answer }) {
  const windows = anomaly.windows ?? [];
  if (windows.length === 0) return null;
  const isCliff = anomaly.kind === "traffic_cliff";
  const rate = (value: number | null) => (value === null ? "-" : isCliff ? `${Math.round(value)} a minute` : percent(value));
  return (
    <section class="card" aria-labelledby="windows">
      <h2 id="windows">Upstream windows</h2>
      <p class="faint">Another party said that it mitigated an attack in that time. Only its time and its target connect it with this anomaly.</p>
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Window</th>
            <th scope="col">Open from</th>
            <th scope="col">Until</th>
            <th scope="col" class="number">
              {isCliff ? "Requests" : "Rate"} while open
            </th>
            <th scope="col" class="number">
              After it
            </th>
          </tr>
        </thead>
        <tbody>
          {windows.map((window) => (
            <tr key={window.rule}>
              <td>
                <RuleName rule={window.rule} /> {window.text}
              </td>
              <td>
                <Time at={window.from} seconds />
              </td>
              <td>{window.until ? <Time at={window.until} seconds /> : <span class="faint">no end was told</span>}</td>
              <td class="number">{rate(window.while_open)}</td>
              <td class="number">{rate(window.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Rules({ anomaly }: { anomaly: Answer }) {
  if (anomaly.rules.length === 0) {
    return (
      <section class="card" aria-labelledby="rules">
        <h2 id="rules">No rule correlates</h2>
        <p>Check the origin, the network, and the clients themselves. Cohorts shows whether one place stands out.</p>
      </section>
    );
  }
  const isHarm = anomaly.kind === "rule_harm";
  return (
    <section class="card" aria-labelledby="rules">
      <h2 id="rules">{isHarm ? "The rule that caused it" : "Rules that correlate"}</h2>
      <p class="faint">
        {isHarm
          ? "The guard put it back to monitor."
          : "This is an association, not proof: put the rule to monitor, and see whether the rate falls."}
      </p>
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Rule</th>
            <th scope="col" class="number">
              Lift
            </th>
            <th scope="col" class="number">
              Share of the cohort's events
            </th>
            <th scope="col">Switched</th>
          </tr>
        </thead>
        <tbody>
          {anomaly.rules.map((rule) => (
            <tr key={rule.rule}>
              <td>
                <RuleName rule={rule.rule} />
              </td>
              <td class="number">{times(rule.lift)}</td>
              <td class="number">{percent(rule.share)}</td>
              <td>{rule.mode_changed ? <Time at={rule.mode_changed} seconds /> : <span class="faint">not near the onset</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Markdown, as text: to copy or to download. */
function Report({ id }: { id: string }) {
  const [text, setText] = useState<string | null>(null);
  const [told, setTold] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = async (): Promise<string | null> => {
    if (text !== null) return text;
    try {
      const found = await getText(`anomalies/${encodeURIComponent(id)}/report`);
      setText(found);
      setProblem(null);
      return found;
    } catch (error) {
      setProblem(toProblem(error));
      return null;
    }
  };
  const copy = async () => {
    const found = await load();
    if (found === null) return;
    try {
      await navigator.clipboard.writeText(found);
      setTold("Copied.");
    } catch {
      setTold("This browser does not allow copying: select the text below.");
    }
  };
  const download = async () => {
    const found = await load();
    if (found === null) return;
    const address = URL.createObjectURL(new Blob([found], { type: "text/markdown" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `${id}.md`;
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <section class="card" aria-labelledby="report">
      <h2 id="report">Report</h2>
      <p class="faint">For the CDN or the cloud provider: times in UTC, the cohort, rates before and during, example requests.</p>
      <div class="actions">
        <button type="button" onClick={load} disabled={text !== null}>
          Show
        </button>
        <button type="button" onClick={copy}>
          Copy
        </button>
        <button type="button" onClick={download}>
          Download
        </button>
        <span role="status">{told}</span>
      </div>
      <Refusal problem={problem} />
      {text !== null && (
        <pre class="report" tabIndex={0} aria-label="Report">
          {text}
        </pre>
      )}
    </section>
  );
}
