// The draft of this browser: every view and every tab shows the same one.

import { signal } from "@preact/signals";
import { type Draft, parsed, printed, size } from "./draft.ts";

const KEY = "blobwatch-draft";

export const draft = signal<Draft>(parsed(localStorage.getItem(KEY)));

export function keepDraft(changed: Draft): void {
  draft.value = changed;
  if (size(changed) === 0) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, printed(changed));
}

addEventListener("storage", ({ key, newValue }) => {
  if (key === KEY || key === null) draft.value = parsed(newValue);
});
