// One request, explained: what it was, which rules matched and why, where each mode came from, what was done.

import { get } from "../api/client.ts";
import type { Explanation } from "../api/types.ts";
import { bytes, duration } from "../format.ts";
import { useLive } from "../live.ts";
import { Dialog } from "../parts/dialog.tsx";
import { FilterBy } from "../parts/filter_by.tsx";
import { ModeBadge, VerdictBadge } from "../parts/mode.tsx";
import { isUpstream, RuleName } from "../parts/origin.tsx";
import { GuardBadge } from "../parts/guard.tsx";
import { Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

export function Explained({ id, close }: { id: string; close: () => void }) {
  const live = useLive(`explained ${id}`, (signal) => get<Explanation>(`requests/${encodeURIComponent(id)}`, {}, signal), 0);
  return (
    <Dialog title={`Request ${id}`} close={close}>
      <Shown live={live} what="the explanation">
        {(data) => <Body data={data} />}
      </Shown>
    </Dialog>
  );
}

type Guard = NonNullable<Explanation["rules"][number]["mode"]["guard"]>;

/** Where the guard stood when the request came: for how long that is known, the documentation says. */
function GuardThen({ state, since, words }: Pick<Guard, "state" | "since"> & { words: Guard["text"] }) {
  if (state === null || since === null) return <>a guard watched; where it stood is no longer known</>;
  return (
    <>
      <GuardBadge state={state} words={words} /> since <Time at={since} seconds />
    </>
  );
}

function Body({ data }: { data: Explanation }) {
  const { record } = data;
  const fired = data.rules.filter((rule) => rule.fired);
  const upstream = record.fired.filter((one) => isUpstream(one.rule));
  const others = data.rules.filter((rule) => !rule.fired);
  const connection = [
    record.protocol,
    record.ip_version !== null && `IPv${record.ip_version}`,
    record.rtt_ms !== null && `round trip ${record.rtt_ms} ms`,
    record.tcp !== null && `TCP signature ${record.tcp}`,
    record.delivery_rate !== null && `the platform delivers ${bytes(record.delivery_rate)}/s`,
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <div class="stack">
      {data.why && <p class="capital">{data.why}.</p>}
      <dl class="facts">
        <dt>When</dt>
        <dd>
          <Time at={record.time} seconds />
          {record.duration_ms !== null && `, answered in ${record.duration_ms < 1000 ? `${record.duration_ms} ms` : duration(record.duration_ms)}`}
        </dd>
        <dt>What</dt>
        <dd>
          {record.method} <FilterBy parts={[["repository", record.repository]]}>{record.repository ?? "unknown repository"}</FilterBy>{" "}
          <FilterBy parts={[record.digest === null ? ["object", record.object] : ["digest", record.digest]]}>
            <code class="hash">{record.digest ?? `object ${record.object}`}</code>
          </FilterBy>
          {record.odd_path && "; the path as sent was another spelling of this"}
        </dd>
        <dt>Answer</dt>
        <dd>
          <FilterBy parts={[["status", record.status]]}>{record.status === 0 ? "none" : record.status}</FilterBy> <VerdictBadge verdict={record.verdict} />
          {record.size !== null && `, blob of ${bytes(record.size)}`}, {record.outcome.replaceAll("_", " ")}
          {record.served_by !== null && `, by ${record.served_by}`}
          {record.cache !== null && `, cache: ${record.cache}`}
          {record.sent_to !== null && `, sent to ${record.sent_to}`}
          {data.followed === null && "; no fetch that follows it came through Blobwatch within a minute"}
          {data.followed && `; followed by ${data.followed.id}: ${data.followed.status ?? "no answer"}, ${data.followed.outcome.replaceAll("_", " ")}`}
          {record.weight > 1 && `; stands for ${record.weight} requests: a sample of clients is kept`}
          {record.degraded && "; degraded: the isolate's rulebook or client keys were not confirmed"}
        </dd>
        <dt>Range</dt>
        <dd>
          <FilterBy parts={[["range", record.range.kind]]}>{record.range.kind}</FilterBy>
          {record.range.start !== null && `, from byte ${record.range.start}${record.range.end === null ? "" : ` to ${record.range.end}`}`}
          {record.range.honoured === false && ", not honoured"}
        </dd>
        <dt>Who</dt>
        <dd>
          <Values of={[["family", record.family], ["version", record.version], ["os", record.os], ["arch", record.arch]]} />; client{" "}
          <FilterBy parts={[["client", record.client]]}>
            <code>{record.client}</code>
          </FilterBy>
          , network <code>{record.network}</code>, fingerprint{" "}
          <FilterBy parts={[["fingerprint", record.fingerprint]]}>
            <code class="hash">{record.fingerprint}</code>
          </FilterBy>
        </dd>
        <dt>Where</dt>
        <dd>
          <Values
            of={[["colo", record.colo], ["country", record.country], ["asn", record.asn && `AS${record.asn}`], ["cloud", record.cloud], ["cloud_region", record.cloud_region]]}
          />
          ; route <FilterBy parts={[["route", record.route]]}>{record.route}</FilterBy>
          {record.ray && `; ray ${record.ray}`}
        </dd>
        {connection !== "" && (
          <>
            <dt>Connection</dt>
            <dd>{connection}</dd>
          </>
        )}
      </dl>
      {data.rulebook_changed_since && <p class="notice">Explained with revision {data.revision}, which decided this request. The rulebook has changed since.</p>}
      {!record.seen && <p class="notice">Blobwatch did not see this request: another party told of it.</p>}
      {upstream.length > 0 && (
        <>
          <h3>Rules of other parties</h3>
          <ul class="plain">
            {upstream.map((one) => (
              <li key={`${one.rule}${one.mode}`}>
                <RuleName rule={one.rule} /> {one.applied === "none" ? "logged it and let it pass" : "blocked, challenged or dropped it"}
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>{fired.length === 0 ? "No rule of Blobwatch fired" : "Rules that fired"}</h3>
      {fired.map((rule) => (
        <RuleCard key={rule.rule} rule={rule} />
      ))}
      {others.length > 0 && (
        <details>
          <summary>{others.length === 1 ? "1 rule" : `${others.length} rules`} that did not fire</summary>
          {others.map((rule) => (
            <RuleCard key={rule.rule} rule={rule} />
          ))}
        </details>
      )}
      <details>
        <summary>Fields that expressions read</summary>
        <dl class="facts mono">
          {Object.entries(data.facts).map(([name, value]) => (
            <>
              <dt key={name}>{name}</dt>
              <dd>{value === null ? <span class="faint">none, or not kept</span> : typeof value === "string" ? value : JSON.stringify(value)}</dd>
            </>
          ))}
        </dl>
      </details>
    </div>
  );
}

/** Those that the request has, each leading to the requests that have it too. */
function Values({ of }: { of: [string, string | null | 0][] }) {
  const some = of.filter(([, value]) => value);
  if (some.length === 0) return <>not known</>;
  return (
    <>
      {some.map(([name, value], at) => (
        <>
          {at > 0 && " "}
          <FilterBy key={name} parts={[[name, value]]}>
            {value}
          </FilterBy>
        </>
      ))}
    </>
  );
}

function RuleCard({ rule }: { rule: Explanation["rules"][number] }) {
  return (
    <article class="card rule-card">
      <p>
        <strong>{rule.rule}</strong> <span class="faint">version {rule.version}</span> <ModeBadge mode={rule.mode.value} percent={rule.mode.percent} />{" "}
        <span class="faint">
          from {rule.mode.from}
          {rule.mode.in_percent !== null && (rule.mode.in_percent ? "; the client is inside the percentage" : "; the client is outside the percentage")}
        </span>
      </p>
      {(rule.mode.stage || rule.mode.guard) && (
        <p>
          {rule.mode.stage && `stage ${rule.mode.stage.index + 1} of ${rule.mode.stage.count}`}{" "}
          {rule.mode.guard && (
            <>
              <GuardThen state={rule.mode.guard.state} since={rule.mode.guard.since} words={rule.mode.guard.text} />
              {rule.mode.guard.text && `: ${rule.mode.guard.text}`}
            </>
          )}
        </p>
      )}
      {rule.fired && (
        <p>
          would <VerdictBadge verdict={rule.would} />, applied <VerdictBadge verdict={rule.applied} />
        </p>
      )}
      {!rule.fired && rule.matched && <p>{rule.why ?? "It matched and did not fire."}</p>}
      <ul class="plain clauses">
        {rule.clauses.map((clause) => (
          <li key={`${clause.start} ${clause.end}`}>
            <span class={`truth truth-${clause.value}`}>{clause.value === null ? "unknown" : String(clause.value)}</span> <code>{clause.text}</code>
          </li>
        ))}
      </ul>
    </article>
  );
}
