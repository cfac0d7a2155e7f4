// A change on its way: how many FireLogs have taken the revision.

import { get } from "../api/client.ts";
import type { FireLog, Page } from "../api/types.ts";
import { useLive } from "../live.ts";

export function Arrival({ revision }: { revision: number }) {
  const live = useLive(`arrival ${revision}`, (signal) => get<Page<FireLog>>("fire-logs", { limit: 1000 }, signal), 500);
  const logs = live.data?.items ?? [];
  const seen = logs.filter((log) => log.revision >= revision);
  const late = logs.filter((log) => log.revision < revision);
  return (
    <div role="status" class="arrival">
      <p>
        Revision {revision} is stored.{" "}
        {live.data === undefined
          ? "Checking which FireLogs have the change…"
          : logs.length === 0
            ? "No FireLog is known yet; each gets the change when it first asks."
            : late.length === 0
              ? `All ${logs.length} FireLogs have the change; isolates receive it within 5 seconds.`
              : `${seen.length} of ${logs.length} FireLogs have the change.`}
      </p>
      {logs.length > 0 && <progress value={seen.length} max={logs.length} aria-label="FireLogs that have the change" />}
      {late.length > 0 && <p class="faint">Waiting for {late.slice(0, 5).map((log) => log.name).join(", ")}</p>}
    </div>
  );
}
