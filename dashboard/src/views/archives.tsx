// What the programs that archive records told of their last runs. The archive itself is no part of the deployment.

import { get } from "../api/client.ts";
import type { Archive, Page } from "../api/types.ts";
import { count, duration } from "../format.ts";
import { useLive } from "../live.ts";
import { Columns } from "../parts/columns.tsx";
import { Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

const EVERY_MS = 60_000;

/** It is run once an hour, and leaves the last quarter of an hour to the next run. */
const LATE_MS = 2 * 3_600_000;

export function Archives() {
  const live = useLive("archives", (signal) => get<Page<Archive>>("archives", {}, signal), EVERY_MS);
  return (
    <section aria-labelledby="archives" class="stack">
      <h2 id="archives">Archive</h2>
      <Shown live={live} what="the archive">
        {({ items }) => (items.length === 0 ? <None /> : <Table items={items} now={live.at} />)}
      </Shown>
    </section>
  );
}

const None = () => (
  <p>
    No run of <code>blobwatch archive</code> has told of itself. It does with a token of an analyst; with one of a viewer it archives the same, and{" "}
    <code>manifest.json</code> in the archive says up to when (<code>until</code>).
  </p>
);

const Table = ({ items, now }: { items: Archive[]; now: number }) => (
  <>
    {items.map((run) => (
      <Warning key={run.place} run={run} now={now} />
    ))}
    <div class="scroller" tabIndex={0} role="region" aria-label="Runs of the archive">
      <table class="list">
        <Columns names={["Place", "All FireLogs up to", "Behind", "Records", "Late ones", "Last run", "By"]} />
        <tbody>
          {items.map((run) => (
            <tr key={run.place}>
              <th scope="row">
                <code>{run.place}</code>
              </th>
              <td>{run.until === null ? "nothing yet" : <Time at={run.until} />}</td>
              <td>{run.until === null ? "all" : duration(now - Date.parse(run.until))}</td>
              <td class="number">{count(run.records)}</td>
              <td class="number">{count(run.late)}</td>
              <td>
                <Time at={run.time} />
              </td>
              <td>{run.actor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </>
);

function Warning({ run, now }: { run: Archive; now: number }) {
  if (run.problem) {
    return (
      <p class="notice notice-bad">
        The last run for <code>{run.place}</code> did not archive all that was due: {run.problem}
      </p>
    );
  }
  if (now - Date.parse(run.time) < LATE_MS) return null;
  return (
    <p class="notice">
      <code>{run.place}</code> has not been archived for {duration(now - Date.parse(run.time))}: is <code>blobwatch archive</code> still run every hour?
    </p>
  );
}
