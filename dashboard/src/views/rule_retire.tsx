// Retiring a rule: at once, or as part of the draft. Its versions and records stay.

import { go, to } from "../address.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ModeBadge } from "../parts/mode.tsx";
import { useRemoval } from "../removal.ts";
import { retireRule } from "../rulebook/calls.ts";
import { withRule } from "../rulebook/draft.ts";
import type { Rulebook, RuleForm } from "../rulebook/types.ts";
import { isOperator } from "../session.ts";

interface Props {
  id: string;
  base: RuleForm | null;
  book: Rulebook;
  close: () => void;
  refresh: () => void;
}

export function RetireRule({ id, base, book, close, refresh }: Props) {
  const modes = book.modes.filter((mode) => mode.rule === id);
  const { isAsking, problem, reason, setReason, revision, removeNow, toDraft } = useRemoval({
    base,
    remove: (reason) => retireRule(id, base, reason),
    edited: (draft, edit) => withRule(draft, id, edit),
    close,
    refresh,
  });
  const submit = (event: Event) => {
    event.preventDefault();
    removeNow();
  };
  return (
    <Dialog title={`Retire ${id}`} close={revision === null ? close : () => go(to(["rules"]))}>
      {revision !== null ? (
        <Arrival revision={revision} />
      ) : (
        <form class="stack" onSubmit={submit}>
          <p>The rule is no longer evaluated. Its versions and its records stay, and its history has a way back.</p>
          {modes.length > 0 && (
            <>
              <p>Modes that are removed with it:</p>
              <ul class="plain">
                {modes.map((mode) => (
                  <li key={mode.route}>
                    route <strong>{mode.route}</strong> <ModeBadge mode={mode.mode} />
                  </li>
                ))}
              </ul>
            </>
          )}
          {isOperator.value && <Reason value={reason} set={setReason} problem={problem} />}
          <div class="actions">
            {isOperator.value && (
              <button type="submit" class="danger" disabled={isAsking}>
                {isAsking ? "Retiring…" : "Retire now"}
              </button>
            )}
            <button type="button" onClick={toDraft}>
              Add to the draft
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
