// Saving a rule: what changes, why, and the change arriving.

import { useState } from "preact/hooks";
import { go, to } from "../address.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { RuleDifference } from "../parts/rule_difference.tsx";
import { saveRule } from "../rulebook/calls.ts";
import { NO_EDIT, withRule } from "../rulebook/draft.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import type { RuleForm } from "../rulebook/types.ts";

interface Props {
  id: string;
  form: RuleForm;
  base: RuleForm | null;
  isNew: boolean;
  /** Somebody else was faster. */
  conflict: () => void;
  saved: () => void;
  close: () => void;
}

export function SaveRule({ id, form, base, isNew, conflict, saved, close }: Props) {
  const [reason, setReason] = useState("");
  const [force, setForce] = useState(false);
  const [revision, setRevision] = useState<number | null>(null);
  const { isAsking, problem, make } = useChange();
  const needsForce = force || problem?.type.endsWith("preview-needed");

  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => {
      const outcome = await saveRule(id, form, base, reason, force);
      if (outcome.kind === "conflict") return conflict();
      setRevision(outcome.answer.revision);
      // What is published is no draft any more.
      keepDraft(withRule(draft.value, id, NO_EDIT));
      saved();
    });
  };
  const end = () => {
    close();
    if (revision !== null && isNew) go(to(["rule", id]));
  };

  return (
    <Dialog title={`Save ${id}`} close={end}>
      {revision !== null ? (
        <>
          <Arrival revision={revision} />
          <div class="actions">
            <button type="button" class="primary" onClick={() => go(to(["rules"]))}>
              Go to its switches
            </button>
            <button type="button" onClick={end}>
              Stay here
            </button>
          </div>
        </>
      ) : (
        <form class="stack" onSubmit={submit}>
          {isNew && <p>The rule comes last in the order of evaluation, in {form.default_mode} on every route.</p>}
          <RuleDifference before={base} after={form} />
          <Reason value={reason} set={setReason} problem={problem} />
          {needsForce && (
            <label class="choice">
              <input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} /> Act in the new version at once where the rule is enforced, without a preview; the
              audit log says so
            </label>
          )}
          <div class="actions">
            <button type="submit" class={force ? "danger" : "primary"} disabled={isAsking}>
              {isAsking ? "Saving…" : "Save"}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
