// The items of a list, of which there may be ten thousand: searched, and marked to be removed.

import { useMemo, useState } from "preact/hooks";
import { visibleText } from "../api/client.ts";
import type { ListItem } from "../api/types.ts";
import { count } from "../format.ts";
import { Virtual } from "../parts/virtual.tsx";

interface Props {
  items: ListItem[];
  removed: ReadonlySet<string>;
  /** None where nobody may change it. */
  setRemoved: ((removed: Set<string>) => void) | null;
}

export function ListItems({ items, removed, setRemoved }: Props) {
  const [sought, setSought] = useState("");
  const texts = useMemo(() => items.map(String), [items]);
  const found = useMemo(() => texts.filter((text) => text.toLowerCase().includes(sought.trim().toLowerCase())), [texts, sought]);
  const mark = (texts: string[], isRemoved: boolean) => {
    const changed = new Set(removed);
    for (const text of texts) {
      if (isRemoved) changed.add(text);
      else changed.delete(text);
    }
    setRemoved?.(changed);
  };
  const areAllRemoved = found.every((text) => removed.has(text));
  return (
    <section class="stack" aria-labelledby="items">
      <div class="bar spread">
        <h2 id="items">Items</h2>
        <label class="inline">
          Search <input type="search" value={sought} autocomplete="off" spellcheck={false} onInput={(event) => setSought(event.currentTarget.value)} />
        </label>
      </div>
      <div class="bar spread">
        <p class="faint" role="status">
          {sought.trim() === "" ? `${count(items.length)} items` : `${count(found.length)} of ${count(items.length)} items`}
          {setRemoved && items.length > 0 && ". Enter or a click marks an item to be removed, or keeps it again."}
        </p>
        {setRemoved && sought.trim() !== "" && found.length > 0 && (
          <button type="button" onClick={() => mark(found, !areAllRemoved)}>
            {areAllRemoved ? "Keep" : "Remove"} the {count(found.length)} found
          </button>
        )}
      </div>
      {found.length > 0 && (
        <div class="items">
          <Virtual
            key={sought}
            label="Items of the list"
            length={found.length}
            rowHeight={30}
            prepended={0}
            nearEnd={() => {}}
            open={(at) => {
              const text = found[at];
              if (text !== undefined) mark([text], !removed.has(text));
            }}
            head={<Head />}
            row={(at) => <Row text={found[at] ?? ""} isRemoved={removed.has(found[at] ?? "")} />}
          />
        </div>
      )}
    </section>
  );
}

const Head = () => (
  <>
    <span role="columnheader">Item</span>
    <span role="columnheader">Change</span>
  </>
);

const Row = ({ text, isRemoved }: { text: string; isRemoved: boolean }) => (
  <>
    <span role="gridcell" class="mono" title={visibleText(text)}>
      {isRemoved ? <del>{visibleText(text)}</del> : visibleText(text)}
    </span>
    <span role="gridcell">{isRemoved && "to be removed"}</span>
  </>
);
