// Back to a revision: its rules, routes and settings, and its switches only where somebody asks for them.

import { useState } from "preact/hooks";
import { place } from "../address.ts";
import { getRaw } from "../api/client.ts";
import { useLive } from "../live.ts";
import { Shown } from "../parts/states.tsx";
import { useRulebook } from "../rulebook/calls.ts";
import { asOf } from "../rulebook/revert.ts";
import type { Rulebook } from "../rulebook/types.ts";
import { Plan } from "./plan.tsx";

export function Revert() {
  const revision = place.value.rest[0] ?? "";
  const now = useRulebook();
  const old = useLive(`rulebook ${revision}`, (signal) => getRaw<Rulebook>("rulebook", { revision }, signal), 0);
  const [withModes, setWithModes] = useState(false);
  const [force, setForce] = useState(false);
  // Once it is pushed, the rulebook of now is what it made.
  const [pushed, setPushed] = useState<Rulebook | null>(null);
  return (
    <div class="stack">
      <h1>Back to revision {revision}</h1>
      <p class="faint">A new revision with the rules, routes and settings of revision {revision}. Versions of rules go on counting, and the audit log keeps both.</p>
      <label class="choice">
        <input type="checkbox" checked={withModes} disabled={pushed !== null} onChange={(event) => setWithModes(event.currentTarget.checked)} /> The switches of that revision too; otherwise they stay as they
        are
      </label>
      <Shown live={old} what={`revision ${revision}`}>
        {(old) => (
          <Shown live={now} what="the rulebook">
            {(book) => {
              const wanted = pushed ?? asOf(book, old, withModes, force);
              return (
                <Plan
                  book={wanted}
                  force={force}
                  setForce={setForce}
                  held={null}
                  done={() => setPushed(wanted)}
                  refresh={now.refresh}
                  reason={`back to revision ${revision}`}
                />
              );
            }}
          </Shown>
        )}
      </Shown>
    </div>
  );
}
