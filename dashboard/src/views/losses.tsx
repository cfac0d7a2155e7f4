// What was lost on the way: of records, counts and changes. Totals never fall; what is new has a new time.

import { get } from "../api/client.ts";
import type { Loss, Page } from "../api/types.ts";
import { DATA_LOSSES } from "../data_losses.ts";
import { count } from "../format.ts";
import { useLive } from "../live.ts";
import { Columns } from "../parts/columns.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

const EVERY_MS = 20_000;

export function Losses() {
  const live = useLive("losses", (signal) => get<Page<Loss>>("losses", {}, signal), EVERY_MS);
  return (
    <section aria-labelledby="losses" class="stack">
      <h2 id="losses">Losses</h2>
      <Shown live={live} what="losses">
        {({ items }) => (items.length === 0 ? <Empty title="Nothing was lost" /> : <Table losses={items} />)}
      </Shown>
    </section>
  );
}

const Table = ({ losses }: { losses: Loss[] }) => (
  <div class="scroller" tabIndex={0} role="region" aria-label="What was lost">
    <table class="list">
      <Columns names={["Loss", "How often, in all", "Last"]} />
      <tbody>
        {losses.map((loss) => (
          <tr key={loss.name} class={DATA_LOSSES[loss.name] ? "harm" : ""}>
            <th scope="row">
              <code>{loss.name}</code> <small class="faint">{DATA_LOSSES[loss.name] ?? "made up for, or a limit of what is remembered"}</small>
            </th>
            <td>{count(loss.count)}</td>
            <td>
              <Time at={loss.last} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
