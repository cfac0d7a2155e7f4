// Now: is anything wrong, for whom, since when, and the two buttons that matter.

import { useState } from "preact/hooks";
import { to } from "../address.ts";
import { get } from "../api/client.ts";
import type { Anomaly, Page, RequestRecord, Summary } from "../api/types.ts";
import { count, duration, percent } from "../format.ts";
import { useLive } from "../live.ts";
import { Link } from "../parts/link.tsx";
import { Failed, Loading, Notices } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { isOperator } from "../session.ts";
import { FirstStart } from "./first_start.tsx";
import { ToMonitor } from "./to_monitor.tsx";

/** How often it is asked whether something is wrong; the detector looks every 10 s. */
const EVERY_MS = 5_000;

export function Now() {
  const open = useLive("open", (signal) => get<Page<Anomaly>>("anomalies", { status: "open" }, signal), EVERY_MS);
  const closed = useLive("closed", (signal) => get<Page<Anomaly>>("anomalies", { status: "closed", since: "-24h", limit: 8 }, signal), 30_000);
  const last = useLive("last", (signal) => get<Page<RequestRecord>>("requests", { limit: 1 }, signal), EVERY_MS);

  if (last.data?.items.length === 0 && !last.data.next_cursor && !open.data?.items.length) return <FirstStart />;
  return (
    <div class="stack">
      <h1 class="hidden">Now</h1>
      <OpenAnomalies live={open} />
      <LastHour />
      {closed.data && closed.data.items.length > 0 && (
        <section aria-labelledby="closed">
          <h2 id="closed">Closed in the last 24 hours</h2>
          <ul class="plain">
            {closed.data.items.map((anomaly) => (
              <li key={anomaly.id} class="row">
                <Link to={to(["anomalies", anomaly.id])}>{anomaly.sentence}</Link>{" "}
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

function OpenAnomalies({ live }: { live: ReturnType<typeof useLive<Page<Anomaly>>> }) {
  if (live.data === undefined) {
    return live.problem ? <Failed problem={live.problem} what="anomalies" /> : <Loading what="anomalies" />;
  }
  const { items } = live.data;
  return (
    <section aria-label="Open anomalies" aria-live="polite">
      <Notices live={live} incomplete={live.data.incomplete} />
      {items.length === 0 ? (
        <p class="calm">
          <span aria-hidden="true">✓</span> Nothing is wrong that the detector can see.
        </p>
      ) : (
        <ul class="plain stack">
          {items.map((anomaly) => (
            <AnomalyCard key={anomaly.id} anomaly={anomaly} />
          ))}
        </ul>
      )}
    </section>
  );
}

function AnomalyCard({ anomaly }: { anomaly: Anomaly }) {
  const [rule, setRule] = useState<string | null>(null);
  const suspect = anomaly.rules[0];
  return (
    <li class="card card-bad">
      <p class="sentence">{anomaly.sentence}</p>
      <p class="faint">
        since <Time at={anomaly.onset} /> ({duration(Date.now() - Date.parse(anomaly.onset))}); found <Time at={anomaly.opened} />
        {anomaly.reopened > 0 && `; opened again ${anomaly.reopened} times`}
      </p>
      <div class="actions">
        <Link to={to(["anomalies", anomaly.id])} class="button primary">
          Open
        </Link>
        {suspect && (
          <button type="button" class="danger" disabled={!isOperator.value} onClick={() => setRule(suspect.rule)}>
            Put {suspect.rule} to monitor
          </button>
        )}
        {suspect && !isOperator.value && <span class="faint">only an operator can switch</span>}
      </div>
      {rule && <ToMonitor rule={rule} anomaly={anomaly} close={() => setRule(null)} />}
    </li>
  );
}

/** Three numbers that say whether pulls flow. */
function LastHour() {
  const live = useLive("hour", (signal) => get<Summary>("requests/summary", { by: "verdict", since: "-1h" }, signal), 15_000);
  const ranges = useLive("ranges", (signal) => get<Summary>("requests/summary", { by: "range", since: "-1h" }, signal), 15_000);
  if (!live.data || !ranges.data) {
    return live.problem ? <Failed problem={live.problem} what="the last hour" /> : <Loading what="the last hour" />;
  }
  const of = (summary: Summary, attribute: string, values: string[]) =>
    summary.groups.filter((group) => values.includes(String(group[attribute]))).reduce((sum, group) => sum + group.requests, 0);
  const { requests, clients, clients_exact } = live.data;
  const share = (part: number, whole: number) => (whole > 0 ? percent(part / whole) : "–");
  const refused = of(live.data, "verdict", ["block", "throttle"]);
  const stuck = of(ranges.data, "range", ["resume", "repeat", "restart"]);
  const figures = [
    { label: "blob requests", value: count(requests), note: `${clients_exact ? "" : "about "}${count(clients)} clients`, to: to(["timeline"]) },
    { label: "refused by a rule", value: share(refused, requests), note: `${count(refused)} requests`, to: to(["fires"], { verdict: "block,throttle", since: "-1h" }) },
    {
      label: "resumed, repeated, restarted",
      value: share(stuck, ranges.data.requests),
      note: `${count(stuck)} requests`,
      to: to(["fires"], { all: "yes", range: "resume,repeat,restart", since: "-1h" }),
    },
  ];
  return (
    <section aria-labelledby="hour">
      <h2 id="hour">The last hour</h2>
      <Notices live={live} incomplete={live.data.incomplete} />
      <ul class="plain figures">
        {figures.map((figure) => (
          <li key={figure.label}>
            <Link to={figure.to}>
              <span class="figure">{figure.value}</span>
              <span>{figure.label}</span>
              <span class="faint">{figure.note}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
