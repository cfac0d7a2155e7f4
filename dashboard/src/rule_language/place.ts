// Where a fault is: the worker counts bytes of UTF-8, a browser counts units of UTF-16.

import type { Fault } from "../rulebook/types.ts";

export interface Marked {
  from: number;
  to: number;
  message: string;
}

/** Faults of an expression; one without a place is on the whole text. */
export function marked(text: string, fault: Fault): Marked {
  const message = fault.message;
  if (typeof fault.offset !== "number") return { from: 0, to: text.length, message };
  const from = units(text, fault.offset);
  const length = /\^+/.exec(fault.excerpt?.split("\n").at(-1) ?? "")?.[0].length ?? 1;
  return { from, to: from + [...text.slice(from)].slice(0, length).join("").length, message };
}

/** Units of the text up to so many of its bytes. */
export function units(text: string, bytes: number): number {
  let [at, left] = [0, bytes];
  for (const character of text) {
    left -= new TextEncoder().encode(character).length;
    if (left < 0) break;
    at += character.length;
  }
  return at;
}
