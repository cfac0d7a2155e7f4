// What the guards of a mode counted over the last day, and how strong their evidence was.

import { get } from "../api/client.ts";
import type { GuardReading, GuardReadings } from "../api/types.ts";
import { duration } from "../format.ts";
import { line } from "../lines.ts";
import { useLive } from "../live.ts";
import { Plot } from "./plot.tsx";
import { Shown } from "./states.tsx";
import { Time } from "./time.tsx";

const EVERY_MS = 20_000;

/** Powers of ten at which a guard takes an enforcement back, and from which on it lets a step pass. */
const HARMS = 4;
const PASSES = 1.3;

export function GuardOverTime({ rule, route }: { rule: string; route: string }) {
  const path = `rules/${encodeURIComponent(rule)}/modes/${encodeURIComponent(route)}/readings`;
  const live = useLive(path, (signal) => get<GuardReadings>(path, {}, signal), EVERY_MS);
  return (
    <Shown live={live} what="what the guard counted">
      {(read) => (read.items.length === 0 ? <p class="faint">It has counted nothing in the last day.</p> : <Plots read={read} now={live.at} />)}
    </Shown>
  );
}

function Plots({ read, now }: { read: GuardReadings; now: number }) {
  const items = upToNow(read.items, now);
  const times = items.map((one) => Date.parse(one.time) / 1000);
  const values = (of: (one: GuardReading) => number) => items.map(of);
  const isDenying = items.some((one) => one.denied_clients > 0);
  const isJudged = items.some((one) => one.harm.enforced.clients + one.harm.held_out.clients > 0);
  const bad = (arm: GuardReading["harm"]["enforced"]) => (arm.clients === 0 ? 0 : (100 * arm.bad_clients) / arm.clients);
  return (
    <div class="stack">
      {isDenying && (
        <Plot
          title="Clients denied"
          unit="since the guard began"
          times={times}
          lines={[
            { ...line("healthy before", values((one) => one.denied_healthy), 0), colour: "--line-2" },
            { ...line("unhealthy", values((one) => one.denied_unhealthy), 1), colour: "--line-1" },
            line("unknown", values((one) => one.denied_unknown), 2),
          ]}
        />
      )}
      {isJudged && (
        <Plot
          title="Clients whose first minute went wrong"
          unit="% of those let through"
          times={times}
          lines={[line("enforced", values((one) => bad(one.harm.enforced)), 0), line("held out", values((one) => bad(one.harm.held_out)), 1)]}
        />
      )}
      <Plot
        title="Evidence"
        unit="powers of ten"
        times={times}
        lines={[
          { ...line("that it harms", values((one) => one.evidence.harm), 0), colour: "--line-2" },
          { ...line("that it is harmless", values((one) => one.evidence.harmless), 1), colour: "--line-4" },
          line(`taken back at ${HARMS}`, values(() => HARMS), 2),
        ]}
      />
      <p class="faint">
        At 10<sup>{HARMS}</sup> the rule is taken back; from 20 to 1 (10<sup>{PASSES}</sup>) on a step may pass. Each step has a guard of its own, which counts anew. Readings are at
        least {duration(read.apart_s * 1000)} apart, and kept since <Time at={read.kept_since} />.
      </p>
    </div>
  );
}

/** Where nothing new was counted there is no reading: what was counted last still holds. */
function upToNow(items: GuardReading[], now: number): GuardReading[] {
  const last = items.at(-1);
  return last && last.state !== "demoted" && Date.parse(last.time) < now ? [...items, { ...last, time: new Date(now).toISOString() }] : items;
}
