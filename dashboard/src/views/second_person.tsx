// From which share of healthy clients on an enforcement waits for a second person.

import { useState } from "preact/hooks";
import { change, get } from "../api/client.ts";
import { useLive } from "../live.ts";
import { type Closes, Reason, useClosingChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Shown } from "../parts/states.tsx";
import { isAdmin } from "../session.ts";

interface Limit {
  above: number | null;
}

export function SecondPerson() {
  const live = useLive("second person", (signal) => get<Limit>("second-person", {}, signal), 0);
  const [edited, setEdited] = useState<Limit | null>(null);
  return (
    <section aria-labelledby="second-person" class="stack">
      <div class="bar spread">
        <h2 id="second-person">Second person</h2>
        {isAdmin.value && live.data && (
          <button type="button" onClick={() => setEdited(live.data ?? null)}>
            Change…<span class="hidden"> when a second person is needed</span>
          </button>
        )}
      </div>
      <Shown live={live} what="when a second person is needed">
        {({ above }) => (
          <p>
            {above === null
              ? "Whoever may switch a rule enforces it alone."
              : `An enforcement that would hit more than ${above} % of the clients that pull cleanly, or whose preview cannot say, waits until another person approves it.`}
          </p>
        )}
      </Shown>
      {edited && <Editor limit={edited} close={() => setEdited(null)} done={live.refresh} />}
    </section>
  );
}

function Editor({ limit, close, done }: Closes & { limit: Limit }) {
  const [isOn, setOn] = useState(limit.above !== null);
  const [above, setAbove] = useState(String(limit.above ?? 5));
  const [reason, setReason] = useState("");
  const { isAsking, problem, act } = useClosingChange({ close, done });
  const submit = (event: Event) => {
    event.preventDefault();
    act(() => change("PUT", "second-person", { above: isOn ? Number(above) : null }, { reason }));
  };
  return (
    <Dialog title="Second person" close={close}>
      <form class="stack" onSubmit={submit}>
        <label class="choice">
          <input type="checkbox" checked={isOn} onChange={(event) => setOn(event.currentTarget.checked)} /> Another person approves what hits many healthy clients
        </label>
        {isOn && (
          <label>
            More than this percentage of them
            <input type="number" min="0" max="99" step="any" required value={above} onInput={(event) => setAbove(event.currentTarget.value)} />
          </label>
        )}
        <Reason value={reason} set={setReason} problem={problem} />
        <div class="actions">
          <button type="submit" class="primary" disabled={isAsking}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
