// A list of any length of which only the rows in sight exist. One of them is active: arrows, Page, Home and End move it, Enter
// opens it.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows beyond each edge, so that a quick scroll does not show the ground. */
const SPARE = 8;

/** Rows before the end at which more are asked for. */
const NEAR = 100;

interface Props {
  label: string;
  length: number;
  /** Pixels. */
  rowHeight: number;
  row: (at: number) => ComponentChildren;
  open: (at: number) => void;
  /** Rows that were put before the others since the list began: what one reads stays where it is. */
  prepended: number;
  /** Called when the end comes near. */
  nearEnd: () => void;
  head: ComponentChildren;
}

export function Virtual({ label, length, rowHeight, row, open, prepended, nearEnd, head }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(0);
  const seen = useRef(prepended);

  useLayoutEffect(() => {
    const element = box.current;
    const added = prepended - seen.current;
    seen.current = prepended;
    if (!element || added <= 0) return;
    if (element.scrollTop > 0) element.scrollTop += added * rowHeight;
    setActive((now) => (element.scrollTop > 0 || now > 0 ? now + added : now));
  }, [prepended]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const resize = new ResizeObserver(() => setHeight(element.clientHeight));
    resize.observe(element);
    return () => resize.disconnect();
  }, []);

  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const end = Math.min(length, Math.ceil((top + height) / rowHeight) + SPARE);

  useEffect(() => {
    if (end > length - NEAR) nearEnd();
  }, [end, length]);

  const move = (to: number) => {
    const at = Math.min(length - 1, Math.max(0, to));
    setActive(at);
    const element = box.current;
    if (!element) return;
    const above = at * rowHeight;
    if (above < element.scrollTop) element.scrollTop = above;
    else if (above + 2 * rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = above + 2 * rowHeight - element.clientHeight;
  };

  const key = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / rowHeight) - 2);
    const moves: Record<string, () => void> = {
      ArrowDown: () => move(active + 1),
      ArrowUp: () => move(active - 1),
      PageDown: () => move(active + page),
      PageUp: () => move(active - page),
      Home: () => move(0),
      End: () => move(length - 1),
      Enter: () => open(active),
    };
    const action = moves[event.key];
    if (!action || length === 0) return;
    event.preventDefault();
    action();
  };

  // A row that leaves at one edge becomes one that enters at the other: no element is made while scrolling.
  const slots = Math.ceil(height / rowHeight) + 2 * SPARE + 2;
  const rows = Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at);
  return (
    <div
      ref={box}
      class="virtual"
      role="grid"
      aria-label={label}
      aria-rowcount={length + 1}
      aria-activedescendant={active >= first && active < end ? `row-${active}` : undefined}
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={key}
    >
      <div role="rowgroup" class="virtual-head">
        <div role="row" aria-rowindex={1}>
          {head}
        </div>
      </div>
      <div role="rowgroup" class="virtual-body" style={{ height: `${length * rowHeight}px` }}>
        {rows.map((at) => (
          <div
            key={at % slots}
            id={`row-${at}`}
            role="row"
            aria-rowindex={at + 2}
            aria-selected={at === active}
            class={`virtual-row ${at === active ? "active" : ""}`}
            style={{ transform: `translateY(${at * rowHeight}px)`, height: `${rowHeight}px` }}
            onClick={() => {
              setActive(at);
              open(at);
            }}
          >
            {row(at)}
          </div>
        ))}
      </div>
    </div>
  );
}
