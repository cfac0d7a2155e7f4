// What is different between two versions of a list, as a plan tells it: which items come and go, of many the first.

import { visibleText } from "../api/client.ts";
import type { ListItem, ListKind } from "../api/types.ts";
import { count } from "../format.ts";
import { Difference } from "./expression.tsx";

interface Moved {
  count: number;
  items: ListItem[];
}

export interface ListState {
  kind: ListKind;
  description: string;
  count: number;
  added?: Moved;
  removed?: Moved;
}

/** `before` null: the list is new; `after` null: it is removed. */
export function ListDifference({ before, after }: { before: ListState | null; after: ListState | null }) {
  const texts = [
    { name: "Kind", old: before?.kind ?? "", now: after?.kind ?? "" },
    { name: "Description", old: before?.description ?? "", now: after?.description ?? "" },
    { name: "Items", old: before ? count(before.count) : "", now: after ? count(after.count) : "" },
  ];
  return (
    <dl class="facts differences">
      {texts
        .filter(({ old, now }) => old !== now)
        .map(({ name, old, now }) => (
          <>
            <dt key={name}>{name}</dt>
            <dd>
              <Difference before={old} after={now} />
            </dd>
          </>
        ))}
      <Items name="Added" moved={after?.added} />
      <Items name="Removed" moved={after?.removed} />
    </dl>
  );
}

function Items({ name, moved }: { name: string; moved: Moved | undefined }) {
  if (!moved || moved.count === 0) return null;
  const more = moved.count - moved.items.length;
  const Mark = name === "Added" ? "ins" : "del";
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code class="expression">
          <Mark>{visibleText(moved.items.join(" "))}</Mark>
        </code>
        {more > 0 && ` and ${count(more)} more`}
      </dd>
    </>
  );
}
