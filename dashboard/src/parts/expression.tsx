// An expression as text in the colours of its words.

import { visibleText } from "../api/client.ts";
import { difference, type Piece } from "../difference.ts";
import { tokenize } from "../rule_language/tokens.ts";

export function Expression({ text }: { text: string }) {
  const parts = [];
  let end = 0;
  for (const { kind, from, to } of tokenize(text)) {
    parts.push(
      text.slice(end, from),
      <span key={from} class={`word-${kind}`}>
        {visibleText(text.slice(from, to))}
      </span>,
    );
    end = to;
  }
  return (
    <code class="expression">
      {parts}
      {text.slice(end)}
    </code>
  );
}

const WORDS: Record<Piece["kind"], string> = { same: "", removed: "removed: ", added: "added: " };

/** By colour, by a line through what was removed, and by word for whoever sees neither. */
export const Difference = ({ before, after }: { before: string; after: string }) => (
  <code class="expression">
    {difference(before, after).map(({ kind, text }, at) => {
      const shown = visibleText(text);
      if (kind === "same") return shown;
      const Mark = kind === "removed" ? "del" : "ins";
      return (
        <Mark key={at}>
          <span class="hidden">{WORDS[kind]}</span>
          {shown}
        </Mark>
      );
    })}
  </code>
);
