// What other parties push: whether it arrives, how late, and what could not be read.

import { get, visibleText } from "../api/client.ts";
import type { IngestSource, Page } from "../api/types.ts";
import { bytes, count, duration } from "../format.ts";
import { useLive } from "../live.ts";
import { Columns } from "../parts/columns.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

const EVERY_MS = 10_000;
const COLUMNS = ["Source", "Last received", "Events", "Bytes", "Late", "Lines", "Kept", "Unreadable", "Refused"];

export function IngestSources() {
  const live = useLive("ingest", (signal) => get<Page<IngestSource>>("ingest", {}, signal), EVERY_MS);
  return (
    <section aria-labelledby="ingest" class="stack">
      <h2 id="ingest">What others tell</h2>
      <Shown live={live} what="the sources">
        {({ items }) => (items.length === 0 ? <Empty title="Nobody pushes events">A CDN, a WAF or a load balancer can tell of what it did to requests.</Empty> : <Sources items={items} />)}
      </Shown>
    </section>
  );
}

const Sources = ({ items }: { items: IngestSource[] }) => (
  <>
    {items.map(
      (source) =>
        source.silent_since && (
          <p key={source.source} class="notice notice-bad">
            {visibleText(source.source)} sent regularly and has been silent since <Time at={source.silent_since} seconds />.
          </p>
        ),
    )}
    <div class="scroller" tabIndex={0} role="region" aria-label="Sources">
      <table class="list">
        <Columns names={COLUMNS} />
        <tbody>
          {items.map((source) => (
            <tr key={source.source}>
              <td>{visibleText(source.source)}</td>
              <td>{source.last_received === null ? "never" : <Time at={source.last_received} seconds />}</td>
              <td class="number">{source.events_per_minute.toFixed(1)}/min</td>
              <td class="number">{bytes(source.bytes_per_minute)}/min</td>
              <td class="number">{source.lag_s === null ? "not known" : duration(source.lag_s * 1000)}</td>
              <td class="number">{count(source.lines)}</td>
              <td class="number">{count(source.events)}</td>
              <td class="number">{count(source.faults)}</td>
              <td class="number">
                <Refused source={source} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
    <Faults items={items} />
  </>
);

/** By the status that its bodies were refused with. */
function Refused({ source }: { source: IngestSource }) {
  const refused = source.refused.filter(({ bodies }) => bodies > 0);
  if (refused.length === 0) return <>0</>;
  return (
    <>
      {refused.map(({ status, bodies, last }) => (
        <div key={status}>
          {count(bodies)} with {status}
          {last !== null && (
            <>
              , last <Time at={last} seconds />
            </>
          )}
        </div>
      ))}
    </>
  );
}

/** The last lines that could not be read, of all sources. */
function Faults({ items }: { items: IngestSource[] }) {
  const faults = items.flatMap(({ source, last_faults }) => last_faults.map((fault) => ({ source, ...fault })));
  if (faults.length === 0) return null;
  return (
    <details>
      <summary>Lines that could not be read</summary>
      <ul class="plain">
        {faults.map((fault) => (
          <li key={`${fault.source} ${fault.time} ${fault.line}`}>
            <Time at={fault.time} seconds /> {visibleText(fault.source)}, line {fault.line}: expected {visibleText(fault.expected)}
          </li>
        ))}
      </ul>
    </details>
  );
}
