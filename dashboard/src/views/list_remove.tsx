// Removing a list: at once, where no rule names it, or as part of the draft. Its versions stay.

import { go, to } from "../address.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { RuleLinks } from "../parts/rule_links.tsx";
import { useRemoval } from "../removal.ts";
import { removeList } from "../rulebook/calls.ts";
import { withList } from "../rulebook/draft.ts";
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
  const users = usersOf(book, name);
  const { isAsking, problem, reason, setReason, revision, removeNow, toDraft } = useRemoval({
    base,
    remove: (reason) => removeList(name, base, reason),
    edited: (draft, edit) => withList(draft, name, edit),
    close,
    refresh,
  });
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
              <button type="button" class="danger" disabled={isAsking || reason === ""} onClick={removeNow}>
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
