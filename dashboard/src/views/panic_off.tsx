// The hand brake, at the top of every view: everything that is enforced goes to monitor, in one revision.

import { useState } from "preact/hooks";
import { change, get } from "../api/client.ts";
import type { Changed, ModeItem, Page, Route, Rule } from "../api/types.ts";
import { useLive } from "../live.ts";
import { useOpen } from "../open.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ModeBadge } from "../parts/mode.tsx";
import { isOperator, operatesOn } from "../session.ts";
import { acting } from "./to_monitor.tsx";

interface TakenBack extends Changed {
  modes: { rule: string; route: string }[];
}

interface Acts {
  rule: string;
  route: string;
  percent: number | null;
}

interface Found {
  routes: string[];
  acts: Acts[];
}

/** What acts now, on which route. */
async function readActs(signal: AbortSignal): Promise<Found> {
  const [rules, routes, modes] = await Promise.all([
    get<Page<Rule>>("rules", { limit: 1000 }, signal),
    get<Page<Route>>("routes", { limit: 1000 }, signal),
    get<Page<ModeItem>>("modes", { limit: 1000 }, signal),
  ]);
  const of = (rule: Rule) => acting(rule, routes.items, modes.items, Date.now()).map((one) => ({ rule: rule.id, ...one }));
  return { routes: routes.items.map((route) => route.name), acts: rules.items.flatMap(of) };
}

export function PanicOff({ close }: { close: () => void }) {
  const [anomaly] = useOpen().data?.items ?? [];
  const live = useLive("what acts", readActs, 0);
  const names = (live.data?.routes ?? []).filter(operatesOn);
  const [chosen, setChosen] = useState<string | null>(null);
  // Where somebody may switch only some routes, it is one of them, and none before they are known.
  const route = chosen ?? (isOperator.value ? "" : names[0]);
  const [reason, setReason] = useState(anomaly ? `${anomaly.id}: ${anomaly.sentence}`.slice(0, 900) : "");
  const { isAsking, problem, make } = useChange();
  const [answer, setAnswer] = useState<TakenBack | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => setAnswer(await change<TakenBack>("POST", "panic-off", { reason, ...(route && { route }) })));
  };
  return (
    <Dialog title="Everything to monitor" close={close}>
      {answer ? (
        <>
          <p>
            {answer.modes.length === 0
              ? "Nothing was enforced, so nothing was changed."
              : `No longer acting: ${answer.modes.map((mode) => `${mode.rule} on ${mode.route}`).join(", ")}.`}
          </p>
          <Arrival revision={answer.revision} />
        </>
      ) : (
        <form onSubmit={submit} class="stack">
          <p>Every enforced rule stops acting within 5 seconds. Rules are still evaluated and recorded.</p>
          <label>
            Where
            <select value={route} onChange={(event) => setChosen(event.currentTarget.value)}>
              {isOperator.value && <option value="">on every route</option>}
              {names.map((name) => (
                <option key={name} value={name}>
                  on {name}
                </option>
              ))}
            </select>
          </label>
          {live.data && <Stops acts={live.data.acts.filter((one) => !route || one.route === route)} />}
          <Reason value={reason} set={setReason} problem={problem} />
          <div class="actions">
            <button type="submit" class="danger" disabled={isAsking || route === undefined}>
              {isAsking ? "Switching…" : "Put everything to monitor"}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** The button is there also while this is not known: nobody has to wait for it. */
const Stops = ({ acts }: { acts: Acts[] }) =>
  acts.length === 0 ? (
    <p class="notice">Nothing is enforced there: nothing would change.</p>
  ) : (
    <ul class="plain" aria-label="What stops acting">
      {acts.map((one) => (
        <li key={`${one.rule} ${one.route}`}>
          <strong>{one.rule}</strong> on {one.route} <ModeBadge mode="enforce" percent={one.percent} />
        </li>
      ))}
    </ul>
  );
