// Audit: who changed what, when and why; the chain is walked by the server, and its head is what to keep elsewhere.

import { useState } from "preact/hooks";
import { to } from "../address.ts";
import { apiAddress, get, toProblem } from "../api/client.ts";
import type { Page, Problem } from "../api/types.ts";
import { count } from "../format.ts";
import { useLive } from "../live.ts";
import { Link } from "../parts/link.tsx";
import { Empty, Refusal, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

const EVERY_MS = 10_000;
const PAGE = 100;

interface Entry {
  seq: number;
  time: string;
  actor: string;
  action: string;
  target: string;
  before: unknown;
  after: unknown;
  reason: string | null;
  revision: number;
  hash: string;
}

interface Verified {
  ok: boolean;
  entries: number;
  head: string;
  broken: { seq: number; why: string } | null;
}

export function Audit() {
  const live = useLive("audit", (signal) => get<Page<Entry>>("audit", { limit: PAGE }, signal), EVERY_MS);
  const [older, setOlder] = useState<Entry[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const more = async () => {
    const last = older.at(-1) ?? live.data?.items.at(-1);
    if (!last) return;
    try {
      const page = await get<Page<Entry>>("audit", { limit: PAGE, cursor: last.seq });
      setOlder([...older, ...page.items]);
    } catch (error) {
      setProblem(toProblem(error));
    }
  };
  return (
    <div class="stack">
      <div class="bar spread">
        <h1>Audit</h1>
        <a class="button" href={apiAddress("audit", { format: "ndjson" })} download="audit.ndjson">
          Export NDJSON
        </a>
      </div>
      <Chain newest={live.data?.items[0]?.seq} />
      <Shown live={live} what="the audit log">
        {({ items }) => {
          if (items.length === 0) return <Empty title="No changes yet" />;
          const newest = new Set(items.map((entry) => entry.seq));
          const all = [...items, ...older.filter((entry) => !newest.has(entry.seq))];
          const last = all.at(-1);
          return (
            <>
              <ol class="plain card rows audit">
                {all.map((entry) => (
                  <EntryRow key={entry.seq} entry={entry} />
                ))}
              </ol>
              <Refusal problem={problem} />
              {last && last.seq > 1 && (
                <button type="button" onClick={more}>
                  Older entries
                </button>
              )}
            </>
          );
        }}
      </Shown>
    </div>
  );
}

function Chain({ newest }: { newest: number | undefined }) {
  const live = useLive(newest === undefined ? null : `verify ${newest}`, (signal) => get<Verified>("audit/verify", {}, signal), 0);
  if (newest === undefined) return null;
  if (live.problem) return <p class="notice">The chain was not verified: {live.problem.detail}</p>;
  if (!live.data) return <p class="faint">Verifying the chain…</p>;
  const { ok, entries, head, broken } = live.data;
  if (ok) {
    return (
      <p class="calm-line">
        <span aria-hidden="true">✓</span> {count(entries)} entries, the chain is intact. Head <code class="hash">{head}</code>
      </p>
    );
  }
  return (
    <p class="notice notice-bad" role="alert">
      The chain is broken at entry {broken?.seq}: {broken?.why}. Somebody rewrote the log; compare it with an export that you kept.
    </p>
  );
}

function EntryRow({ entry }: { entry: Entry }) {
  return (
    <li class="row">
      <details>
        <summary>
          <span class="faint number">{entry.seq}</span> <Time at={entry.time} seconds /> <strong>{entry.actor}</strong> {entry.action}{" "}
          <span class="mono">{entry.target}</span>
          {entry.reason && <span> “{entry.reason}”</span>} <span class="faint">revision {entry.revision}</span>
        </summary>
        <div class="before-after">
          <Side title="Before" value={entry.before} />
          <Side title="After" value={entry.after} />
        </div>
        <p class="faint">
          hash <code class="hash">{entry.hash}</code>
        </p>
        <Link to={to(["revert", String(entry.revision)])}>Back to revision {entry.revision}…</Link>
      </details>
    </li>
  );
}

const Side = ({ title, value }: { title: string; value: unknown }) => (
  <div>
    <h3>{title}</h3>
    {value === null || value === undefined ? (
      <p class="faint">nothing</p>
    ) : (
      <pre tabIndex={0} aria-label={title}>
        {JSON.stringify(value, null, 2)}
      </pre>
    )}
  </div>
);
