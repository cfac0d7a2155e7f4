// The hand brake: everything that is enforced goes to monitor, in one revision.

import { useState } from "preact/hooks";
import { change } from "../api/client.ts";
import type { Changed, Route } from "../api/types.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { isOperator, operatesOn } from "../session.ts";

interface TakenBack extends Changed {
  modes: { rule: string; route: string }[];
}

export function PanicOff({ routes, close, done }: { routes: Route[]; close: () => void; done: () => void }) {
  const names = routes.map((one) => one.name).filter(operatesOn);
  const [chosen, setChosen] = useState<string | null>(null);
  // Where somebody may switch only some routes, it is one of them, and none before they are known.
  const route = chosen ?? (isOperator.value ? "" : names[0]);
  const [reason, setReason] = useState("");
  const { isAsking, problem, make } = useChange();
  const [answer, setAnswer] = useState<TakenBack | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => {
      setAnswer(await change<TakenBack>("POST", "panic-off", { reason, ...(route && { route }) }));
      done();
    });
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
