// Fires: the log of what rules fired on, or of every request; searched with the API's filters, streaming in while live.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { place, setQuery } from "../address.ts";
import { apiAddress, toProblem } from "../api/client.ts";
import type { Problem, RequestRecord } from "../api/types.ts";
import { count, local, utcClock, utcDay } from "../format.ts";
import { useLive } from "../live.ts";
import { Excluded, excluded } from "../parts/excluded.tsx";
import { chosen, Filters, RECORD_FILTERS } from "../parts/filters.tsx";
import { MakeRule } from "../parts/make_rule.tsx";
import { VerdictBadge } from "../parts/mode.tsx";
import { RuleName } from "../parts/origin.tsx";
import { Empty, Failed, FilterWarnings, Loading, Notices, OlderNotice } from "../parts/states.tsx";
import { Virtual } from "../parts/virtual.tsx";
import { span, WindowBar } from "../parts/window.tsx";
import { isLive } from "../span.ts";
import { type Filter, MAX_RECORDS, Records } from "../records.ts";
import { ofFilters } from "../rule_language/conditions.ts";
import { Compare } from "./compare.tsx";
import { Explained } from "./explained.tsx";

const SINCE = "-1h";
const EVERY_MS = 2_000;

/** Rows of an NDJSON export; the API's bound. */
const MAX_EXPORT = 1_000_000;

const narrow = matchMedia("(max-width: 900px)");

function useNarrow(): boolean {
  const [is, set] = useState(narrow.matches);
  useEffect(() => {
    const change = () => set(narrow.matches);
    narrow.addEventListener("change", change);
    return () => narrow.removeEventListener("change", change);
  }, []);
  return is;
}

export function Fires() {
  const { query } = place.value;
  const shown = span(SINCE);
  const isAll = query.get("all") === "yes";
  const filters = chosen(RECORD_FILTERS);
  const without = excluded(RECORD_FILTERS);
  const filter: Filter = {
    path: isAll ? "requests" : "fires",
    query: { ...filters, ...without, since: shown.since, ...(shown.until && { until: shown.until }) },
  };
  const key = JSON.stringify(filter);
  const open = query.get("open");
  return (
    <div class="stack fires">
      <h1 class="hidden">Fires</h1>
      <div class="bar spread">
        <WindowBar otherwise={SINCE} />
        <span class="bar">
          <span class="joined">
            <button type="button" aria-pressed={!isAll} onClick={() => setQuery({ all: "" })}>
              Rule fired
            </button>
            <button type="button" aria-pressed={isAll} onClick={() => setQuery({ all: "yes" })}>
              All requests
            </button>
          </span>
          <a class="button" href={apiAddress(filter.path, { ...filter.query, format: "ndjson", limit: MAX_EXPORT })} download={`${filter.path}.ndjson`}>
            Export NDJSON
          </a>
        </span>
      </div>
      <Filters fields={RECORD_FILTERS} />
      <Excluded fields={RECORD_FILTERS} />
      <MakeRule of={ofFilters(filters, without)} from="Requests that the filters of Fires show.">
        Make a rule of these filters
      </MakeRule>
      <Compare
        key={`compare ${key}`}
        what={isAll ? "These requests against all others of the window." : "Requests that rules fired on against all others of the window."}
        selection={{ of: filter.path, since: shown.since, ...(shown.until && { until: shown.until }), filters: { ...filters, ...without } }}
      />
      <List key={key} filter={filter} isLive={isLive(shown)} />
      {open && <Explained id={open} close={() => setQuery({ open: "" }, true)} />}
    </div>
  );
}

function List({ filter, isLive }: { filter: Filter; isLive: boolean }) {
  const records = useMemo(() => new Records(filter), []);
  const ended = useRef(new AbortController());
  const [, setVersion] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isPaused, setPaused] = useState(false);
  const [isCancelled, setCancelled] = useState(false);
  const isNarrow = useNarrow();
  const show = () => setVersion((version) => version + 1);

  useEffect(() => () => ended.current.abort(), []);

  const first = useLive(isCancelled ? null : "first", (signal) => records.older(signal).then(() => true), 0);
  const streaming = useLive(
    isLive && !isPaused && first.data ? "newer" : null,
    async (signal) => {
      if ((await records.newer(signal)) > 0) show();
      return true;
    },
    EVERY_MS,
  );

  const older = () => {
    records.older(ended.current.signal).then(
      (added) => {
        setProblem(null);
        if (added) show();
      },
      (error: unknown) => {
        if (!ended.current.signal.aborted) setProblem(toProblem(error));
      },
    );
  };

  if (isCancelled) {
    return (
      <Empty title="The search was cancelled">
        <p>A shorter window or more filters make the search faster.</p>
        <button type="button" onClick={() => setCancelled(false)}>
          Search again
        </button>
      </Empty>
    );
  }
  if (!first.data) {
    if (first.problem) return <Failed problem={first.problem} what="records" />;
    return (
      <Loading what="records">
        <button type="button" onClick={() => setCancelled(true)}>
          Cancel
        </button>
      </Loading>
    );
  }
  const { items } = records;
  return (
    <>
      <div class="bar spread">
        <p class="faint" role="status">
          {count(items.length)} loaded{records.isEnd ? "" : "; scroll to load older ones"}
          {records.isFull && `; the page keeps at most ${count(MAX_RECORDS)}: narrow the filters, or export`}
        </p>
        {isLive && (
          <button type="button" aria-pressed={!isPaused} onClick={() => setPaused(!isPaused)}>
            {isPaused ? "Paused" : "● Live"}
          </button>
        )}
      </div>
      <Notices live={streaming} incomplete={records.incomplete} />
      {records.deleted && <OlderNotice older={records.deleted} />}
      <FilterWarnings warnings={records.warnings} />
      {records.hasGap && <p class="notice">More records arrived at once than are shown: narrow the filters, or export.</p>}
      {problem && <Failed problem={problem} what="older records" retry={older} />}
      {items.length === 0 ? (
        <Empty title="No record matches">
          {filter.path === "fires" ? "No rule fired: show all requests, or choose a longer window." : "Choose a longer window, or remove a filter."}
        </Empty>
      ) : (
        <Virtual
          label={filter.path === "fires" ? "Requests on which a rule fired" : "Requests"}
          length={items.length}
          rowHeight={isNarrow ? 58 : 30}
          prepended={records.prepended}
          nearEnd={older}
          open={(at) => setQuery({ open: items[at]?.id ?? "" }, true)}
          head={<Head />}
          row={(at) => {
            const record = items[at];
            return record ? <Row record={record} /> : null;
          }}
        />
      )}
    </>
  );
}

const COLUMNS = ["UTC", "Verdict", "Rules", "Route", "Repository", "Client", "Where", "Status", "Range"];

const Head = () => (
  <>
    {COLUMNS.map((name) => (
      <span key={name} role="columnheader">
        {name}
      </span>
    ))}
  </>
);

function Row({ record }: { record: RequestRecord }) {
  const time = new Date(record.time);
  const { fired } = record;
  const where = [record.colo, record.country, record.asn && `AS${record.asn}`].filter(Boolean).join(" ");
  const client = [record.family, record.version, record.os && `on ${record.os}`].filter(Boolean).join(" ");
  return (
    <>
      <span role="gridcell" class="number" title={`${utcDay(time)}; ${local(time)}`}>
        {utcClock(time, true)}
      </span>
      <span role="gridcell">
        <VerdictBadge verdict={record.verdict} />
      </span>
      <span role="gridcell" title={fired.map((one) => `${one.rule} v${one.version}: ${one.mode}, would ${one.would}, applied ${one.applied}`).join("\n")}>
        {fired.map((one, place) => (
          <span key={`${one.rule}${one.mode}`}>
            {place > 0 && ", "}
            <RuleName rule={one.rule} />
          </span>
        ))}
      </span>
      <span role="gridcell">{record.route}</span>
      <span role="gridcell" title={`${record.repository ?? "unknown repository"} ${record.digest ?? `object ${record.object}`}`}>
        {record.repository ?? "unknown"}
      </span>
      <span role="gridcell" title={record.fingerprint ?? "no fingerprint"}>
        {client}
      </span>
      <span role="gridcell">{where}</span>
      <span role="gridcell" class="number">
        {record.status ?? "none"}
      </span>
      <span role="gridcell">{record.range.kind}</span>
    </>
  );
}
