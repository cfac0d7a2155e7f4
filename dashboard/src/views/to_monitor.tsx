// The button of three in the morning: one rule, back to monitor, where it acts.

import { useState } from "preact/hooks";
import { change, get } from "../api/client.ts";
import type { Anomaly, Changed, ModeItem, Page, Route, Rule } from "../api/types.ts";
import { useLive } from "../live.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ModeBadge } from "../parts/mode.tsx";
import { Failed, Loading } from "../parts/states.tsx";
import { operatesOn } from "../session.ts";

/** Where it appears, Enter presses it. */
const focus = (button: HTMLElement | null): void => button?.focus();

interface Acting {
  route: string;
  percent: number | null;
}

/** Routes that the anomaly is about; all, where its cohort does not say. */
function concerned(anomaly: Anomaly, routes: string[]): string[] {
  const part = anomaly.cohort.find((one) => one.attribute === "route");
  if (!part) return routes;
  return routes.filter((route) => part.values.includes(route) !== Boolean(part.not));
}

/** Where the rule acts now: what is set, or its default. */
export function acting(rule: Rule, routes: Route[], modes: ModeItem[], now: number): Acting[] {
  return routes.flatMap((route) => {
    const set = modes.find((mode) => mode.rule === rule.id && mode.route === route.name);
    const holds = set && !(set.expires && Date.parse(set.expires) <= now) ? set : null;
    const mode = holds?.mode ?? rule.default_mode;
    return mode === "enforce" ? [{ route: route.name, percent: holds?.percent ?? null }] : [];
  });
}

export function ToMonitor({ rule, anomaly, close }: { rule: string; anomaly: Anomaly; close: () => void }) {
  const [reason, setReason] = useState(`${anomaly.id}: ${anomaly.sentence}`.slice(0, 900));
  const [revision, setRevision] = useState<number | null>(null);
  const { isAsking, problem, make } = useChange();
  const live = useLive(
    `acting ${rule}`,
    async (signal) => {
      const [found, routes, modes] = await Promise.all([
        get<Rule>(`rules/${encodeURIComponent(rule)}`, {}, signal),
        get<Page<Route>>("routes", { limit: 1000 }, signal),
        get<Page<ModeItem>>("modes", { limit: 1000 }, signal),
      ]);
      const everywhere = acting(found, routes.items, modes.items, Date.now());
      const here = concerned(anomaly, everywhere.map((one) => one.route));
      return everywhere.filter((one) => here.includes(one.route) && operatesOn(one.route));
    },
    0,
  );

  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => {
      let last = 0;
      for (const { route } of live.data ?? []) {
        const path = `rules/${encodeURIComponent(rule)}/modes/${encodeURIComponent(route)}`;
        last = (await change<Changed>("PUT", path, { mode: "monitor", reason })).revision;
      }
      setRevision(last);
    });
  };

  return (
    <Dialog title={`Put ${rule} to monitor`} close={close}>
      {live.problem && <Failed problem={live.problem} what="where the rule acts" />}
      {!live.data && !live.problem && <Loading what="where the rule acts" />}
      {live.data?.length === 0 && <p>The rule is not enforced on any route of this anomaly, so there is nothing to switch. Open the anomaly to see what else correlates.</p>}
      {live.data && live.data.length > 0 && revision === null && (
        <form onSubmit={submit} class="stack">
          <p>The rule stops acting, but is still evaluated and recorded, on:</p>
          <ul class="plain">
            {live.data.map((one) => (
              <li key={one.route}>
                route <strong>{one.route}</strong> <ModeBadge mode="enforce" percent={one.percent} /> → <ModeBadge mode="monitor" />
              </li>
            ))}
          </ul>
          <Reason value={reason} set={setReason} problem={problem} />
          <div class="actions">
            <button type="submit" class="danger" ref={focus} disabled={isAsking}>
              {isAsking ? "Switching…" : "Put to monitor"}
            </button>
          </div>
        </form>
      )}
      {revision !== null && <Arrival revision={revision} />}
    </Dialog>
  );
}
