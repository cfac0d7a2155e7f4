// Removing a list: at once, where no rule names it, or as part of the draft. Its versions stay.

import { useState } from "preact/hooks";
import { go, to } from "../address.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { RuleLinks } from "../parts/rule_links.tsx";
import { removeList } from "../rulebook/calls.ts";
import { NO_EDIT, withList } from "../rulebook/draft.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import { type ListForm, usersOf } from "../rulebook/list_form.ts";
import type { Rulebook } from "../rulebook/types.ts";
import { isOperator } from "../session.ts";

interface Props {
  name: string;
  base: ListForm | null;
  book: Rulebook;
  close: () => void;
  refresh: () => void;
}

export function RemoveList({ name, base, book, close, refresh }: Props) {
  const [reason, setReason] = useState("");
  const [revision, setRevision] = useState<number | null>(null);
  const { isAsking, problem, make } = useChange();
  const users = usersOf(book, name);
  const remove = () =>
    make(async () => {
      const outcome = await removeList(name, base, reason);
      if (outcome.kind === "conflict") {
        close();
        return refresh();
      }
      keepDraft(withList(draft.value, name, NO_EDIT));
      setRevision(outcome.answer.revision);
    });
  const toDraft = () => {
    keepDraft(withList(draft.value, name, { form: null, base }));
    go(to(["draft"]));
  };
  return (
    <Dialog title={`Remove the list ${name}`} close={revision === null ? close : () => go(to(["lists"]))}>
      {revision !== null ? (
        <Arrival revision={revision} />
      ) : (
        <div class="stack">
          {users.length > 0 ? (
            <p>
              Rules name it: <RuleLinks rules={users} />. Change or retire them first, or in the same draft.
            </p>
          ) : (
            <p>No rule names it. Its versions stay.</p>
          )}
          {isOperator.value && users.length === 0 && <Reason value={reason} set={setReason} problem={problem} />}
          <div class="actions">
            {isOperator.value && users.length === 0 && (
              <button type="button" class="danger" disabled={isAsking || reason === ""} onClick={remove}>
                {isAsking ? "Removing…" : "Remove now"}
              </button>
            )}
            <button type="button" onClick={toDraft}>
              Add to the draft
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
