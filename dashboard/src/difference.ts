// What is different between two texts, word by word: of an expression one sees which value was added.

import { tokenize } from "./rule_language/tokens.ts";

export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Words that are compared with each other; longer texts are shown whole, the old one and the new one. */
const MAX_COMPARED = 1_500;

export function difference(before: string, after: string): Piece[] {
  const [old, now] = [pieces(before), pieces(after)];
  if (old.length > MAX_COMPARED || now.length > MAX_COMPARED) return merged([{ kind: "removed", text: before }, { kind: "added", text: after }]);
  return merged(walk(old, now, commonLengths(old, now)));
}

/** Words of the rule language, with what stands between them. */
function pieces(text: string): string[] {
  const found: string[] = [];
  let end = 0;
  for (const { from, to, text: word } of tokenize(text)) {
    if (from > end) found.push(text.slice(end, from));
    found.push(word);
    end = to;
  }
  return end < text.length ? [...found, text.slice(end)] : found;
}

/** Row `a`, column `b`: how many pieces both have in common from there on. */
function commonLengths(old: string[], now: string[]): Uint16Array[] {
  const rows = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let a = old.length - 1; a >= 0; a -= 1) {
    for (let b = now.length - 1; b >= 0; b -= 1) {
      const row = rows[a];
      if (row) row[b] = old[a] === now[b] ? at(rows, a + 1, b + 1) + 1 : Math.max(at(rows, a + 1, b), at(rows, a, b + 1));
    }
  }
  return rows;
}

const at = (rows: Uint16Array[], a: number, b: number): number => rows[a]?.[b] ?? 0;

function walk(old: string[], now: string[], lengths: Uint16Array[]): Piece[] {
  const found: Piece[] = [];
  let [a, b] = [0, 0];
  while (a < old.length || b < now.length) {
    const [before, after] = [old[a], now[b]];
    if (before !== undefined && before === after) {
      found.push({ kind: "same", text: before });
      a += 1;
      b += 1;
    } else if (before !== undefined && (after === undefined || at(lengths, a + 1, b) >= at(lengths, a, b + 1))) {
      found.push({ kind: "removed", text: before });
      a += 1;
    } else {
      found.push({ kind: "added", text: after ?? "" });
      b += 1;
    }
  }
  return found;
}

/** Neighbours of one kind are one piece. */
function merged(pieces: Piece[]): Piece[] {
  const found: Piece[] = [];
  for (const piece of pieces) {
    const last = found.at(-1);
    if (piece.text === "") continue;
    if (last?.kind === piece.kind) last.text += piece.text;
    else found.push({ ...piece });
  }
  return found;
}
