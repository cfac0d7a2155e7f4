// The hand brake: everything that is enforced goes to monitor, in one revision.

import { useState } from "preact/hooks";
import { change, toProblem } from "../api/client.ts";
import type { Changed, Problem, Route } from "../api/types.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Dialog } from "../parts/dialog.tsx";

interface TakenBack extends Changed {
  modes: { rule: string; route: string }[];
}

export function PanicOff({ routes, close, done }: { routes: Route[]; close: () => void; done: () => void }) {
  const [route, setRoute] = useState("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [answer, setAnswer] = useState<TakenBack | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      setAnswer(await change<TakenBack>("POST", "panic-off", { reason, ...(route && { route }) }));
      done();
    } catch (error) {
      setProblem(toProblem(error));
    }
  };
  return (
    <Dialog title="Everything to monitor" close={close}>
      {answer ? (
        <>
          <p>
            {answer.modes.length === 0
              ? "Nothing was enforced: nothing was changed."
              : `No longer acting: ${answer.modes.map((mode) => `${mode.rule} on ${mode.route}`).join(", ")}.`}
          </p>
          <Arrival revision={answer.revision} />
        </>
      ) : (
        <form onSubmit={submit} class="stack">
          <p>Every rule that is enforced stops acting within 5 seconds. They go on being evaluated and recorded.</p>
          <label>
            Where
            <select value={route} onChange={(event) => setRoute(event.currentTarget.value)}>
              <option value="">on every route</option>
              {routes.map(({ name }) => (
                <option key={name} value={name}>
                  on {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Reason, for the audit log
            <textarea value={reason} required maxLength={1000} rows={2} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          {problem && (
            <p class="notice notice-bad" role="alert">
              {problem.detail}
            </p>
          )}
          <div class="actions">
            <button type="submit" class="danger">
              Put everything to monitor
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
