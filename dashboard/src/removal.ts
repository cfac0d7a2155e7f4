// Taking something out of the rulebook: at once, or as part of the draft.

import { useState } from "preact/hooks";
import { go, to } from "./address.ts";
import { type Change, useChange } from "./parts/change.tsx";
import type { Saved } from "./rulebook/calls.ts";
import { type Draft, type Edit, NO_EDIT } from "./rulebook/draft.ts";
import { draft, keepDraft } from "./rulebook/draft_kept.ts";

interface Wanted<F> {
  /** What it was when it was looked at. */
  base: F | null;
  remove: (reason: string) => Promise<Saved<unknown>>;
  /** The draft with another edit of it. */
  edited: (draft: Draft, edit: Edit<F>) => Draft;
  close: () => void;
  refresh: () => void;
}

interface Removal extends Omit<Change, "make"> {
  reason: string;
  setReason: (reason: string) => void;
  /** The revision that does not have it any more. */
  revision: number | null;
  /** What others changed meanwhile is shown before anybody is asked again. */
  removeNow: () => void;
  toDraft: () => void;
}

export function useRemoval<F>({ base, remove, edited, close, refresh }: Wanted<F>): Removal {
  const [reason, setReason] = useState("");
  const [revision, setRevision] = useState<number | null>(null);
  const { isAsking, problem, make } = useChange();
  const removeNow = () =>
    make(async () => {
      const outcome = await remove(reason);
      if (outcome.kind === "conflict") {
        close();
        return refresh();
      }
      keepDraft(edited(draft.value, NO_EDIT));
      setRevision(outcome.answer.revision);
    });
  const toDraft = () => {
    keepDraft(edited(draft.value, { form: null, base }));
    go(to(["draft"]));
  };
  return { isAsking, problem, reason, setReason, revision, removeNow, toDraft };
}
