// What is asked of each FireLog, and how far each is from what it should have.

import { get, visibleText } from "../api/client.ts";
import type { FireLogLoads as Answer, FireLogLoad } from "../api/types.ts";
import { bytes, count, percent } from "../format.ts";
import { useLive } from "../live.ts";
import { Columns } from "../parts/columns.tsx";
import { Empty, Shown } from "../parts/states.tsx";

/** A load is of the last whole minute. */
const EVERY_MS = 30_000;
const COLUMNS = ["FireLog", "Load", "Records a second", "Flushes a second", "Bytes a second", "A flush takes", "Late", "Stored"];

export function FireLogLoads() {
  const live = useLive("fire-logs/load", (signal) => get<Answer>("fire-logs/load", {}, signal), EVERY_MS);
  return (
    <section aria-labelledby="fire-logs" class="stack">
      <h2 id="fire-logs">FireLogs</h2>
      <Shown live={live} what="the load of the FireLogs">
        {(answer) => (
          <>
            {answer.items.length === 0 ? <Empty title="There is no FireLog yet">The first pull makes one.</Empty> : <Loads items={answer.items} />}
            {(answer.incomplete ?? []).length > 0 && <p class="notice">No answer from {answer.incomplete?.map(visibleText).join(", ")}.</p>}
          </>
        )}
      </Shown>
    </section>
  );
}

const Loads = ({ items }: { items: FireLogLoad[] }) => (
  <div class="scroller" tabIndex={0} role="region" aria-label="Load of the FireLogs">
    <table class="list">
      <Columns names={COLUMNS} />
      <tbody>
        {[...items].sort((a, b) => b.utilisation - a.utilisation).map((load) => (
          <Load key={load.name} load={load} />
        ))}
      </tbody>
    </table>
  </div>
);

const Load = ({ load }: { load: FireLogLoad }) => (
  <tr>
    <th scope="row">{visibleText(load.name)}</th>
    <td>
      <progress value={Math.min(load.utilisation, 1)} max={1} aria-label={`Load of ${load.name}`} /> {percent(load.utilisation)}
    </td>
    <td>{count(Math.round(load.records_per_second))}</td>
    <td>{count(Math.round(load.flushes_per_second))}</td>
    <td>{bytes(load.bytes_per_second)}</td>
    <td>{load.flush_ms} ms</td>
    <td>{Math.round(load.lag_ms)} ms</td>
    <td>{bytes(load.size_bytes)}</td>
  </tr>
);
