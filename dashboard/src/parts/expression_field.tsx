// The field of an expression. Its editor is loaded when it is first needed; until then, and where it cannot be loaded, a plain field
// does the same.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Editor } from "../editor/editor.ts";
import { marked } from "../rule_language/place.ts";
import { valuesOf } from "../rulebook/calls.ts";
import type { Fault } from "../rulebook/types.ts";

interface Props {
  text: string;
  /** Another number: the text was replaced from outside of the field. What is typed comes back later than the next key. */
  turn: number;
  /** What the worker found wrong with this very text. */
  faults: Fault[];
  /** Names of the rulebook's lists. */
  lists: string[];
  change: (text: string) => void;
}

export function ExpressionField({ text, turn, faults, lists, change }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor | null>(null);
  const latest = useRef({ text, lists, change });
  latest.current = { text, lists, change };

  useEffect(() => {
    let opened: Editor | null = null;
    let isOver = false;
    import("../editor/editor.ts").then(
      ({ openEditor }) => {
        if (isOver || !host.current) return;
        const { text } = latest.current;
        opened = openEditor({ host: host.current, text, label: "Expression", changed: (text) => latest.current.change(text), valuesOf, lists: () => latest.current.lists });
        setEditor(opened);
      },
      // The plain field stays.
      () => {},
    );
    return () => {
      isOver = true;
      opened?.destroy();
    };
  }, []);

  useEffect(() => {
    if (editor && editor.text() !== text) editor.setText(text);
  }, [editor, turn]);
  useEffect(() => editor?.mark(faults.map((fault) => marked(text, fault))), [editor, faults]);

  return (
    <div class="field">
      <span class="label" aria-hidden="true" onClick={() => editor?.focus()}>
        Expression
      </span>
      <div ref={host} class="editor" />
      {!editor && <textarea aria-label="Expression" class="mono" rows={4} spellcheck={false} value={text} onInput={(event) => change(event.currentTarget.value)} />}
    </div>
  );
}
