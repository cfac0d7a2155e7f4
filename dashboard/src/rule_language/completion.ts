// What may be written at a place of an expression: fields, functions, operators, lists, or values that were seen.

import type { Reference } from "./reference.ts";
import { type Token, tokenize } from "./tokens.ts";

export interface Completion {
  /** What is shown and written. */
  label: string;
  kind: "field" | "function" | "operator" | "logic" | "list" | "value";
  detail: string;
  /** Sentence of the documentation, and an example. */
  info?: string;
}

/** What is possible at a place; the text from `from` on is what the completion takes the place of. */
export interface Possible {
  from: number;
  options: Completion[];
  /** Values of this field come from what was seen. */
  valuesOf: string | null;
  /** The values stand in quotes that are there already. */
  isQuoted: boolean;
}

const LOGIC: Completion[] = [
  { label: "and", kind: "logic", detail: "both" },
  { label: "or", kind: "logic", detail: "one of both, or both" },
  { label: "xor", kind: "logic", detail: "one of both, not both" },
];
const NOT: Completion = { label: "not", kind: "logic", detail: "the opposite" };

export function possible(text: string, at: number, reference: Reference, lists: string[] = []): Possible {
  const tokens = tokenize(text);
  const current = tokens.find((token) => token.from < at && at <= token.to && isBeingTyped(token, at));
  if (current?.kind === "comment") return nothing(at);
  const from = current?.from ?? at;
  const before = tokens.filter((token) => token.to <= from && token.kind !== "comment");
  if (current?.kind === "string") {
    const field = comparedField(before);
    return { from: from + current.text.indexOf('"') + 1, options: [], valuesOf: field, isQuoted: true };
  }
  if (current?.kind === "list") return { ...nothing(from), options: lists.map(listed) };
  return { ...afterTokens(before, reference, lists), from };
}

const nothing = (from: number): Possible => ({ from, options: [], valuesOf: null, isQuoted: false });

/** A string is being typed inside its quotes; a word also at its end. */
function isBeingTyped(token: Token, at: number): boolean {
  if (token.kind === "string") return at < token.to || !/^(?:r(#*)"[\s\S]*"\1|"(?:\\[\s\S]|[^"\\])*")$/.test(token.text);
  return token.kind !== "bracket" && !(token.kind === "operator" && /\W/.test(token.text));
}

function afterTokens(before: Token[], reference: Reference, lists: string[]): Omit<Possible, "from"> {
  const last = before.at(-1);
  const of = (options: Completion[], valuesOf: string | null = null) => ({ options, valuesOf, isQuoted: false });
  if (last?.kind === "operator") return of(last.text === "in" ? lists.map(listed) : [], comparedField(before));
  if (isInList(before)) return of([], comparedField(before));
  if (last?.kind === "field") return of(afterField(last.text, reference));
  if (last?.text === "]") return of(operators(reference, null));
  if (last?.text === ")") return of([...operators(reference, null), ...LOGIC]);
  if (last && (last.text === "}" || ["string", "number", "list"].includes(last.kind))) return of(LOGIC);
  return of(operands(reference));
}

/** A Boolean stands by itself; anything else is compared. */
function afterField(name: string, reference: Reference): Completion[] {
  const type = reference.fields.find((field) => field.name === name)?.type;
  return type === "Boolean" ? LOGIC : operators(reference, type ?? null);
}

function operators(reference: Reference, type: string | null): Completion[] {
  const fitting = reference.operators.filter(({ of }) => type === null || of.includes(type));
  return fitting.map(({ names, of, example }) => ({
    label: names.find((name) => /^\w/.test(name)) ?? names[0] ?? "",
    kind: "operator",
    detail: names.filter((name) => !/^\w/.test(name)).join(" ") || of.join(", "),
    info: example,
  }));
}

function operands(reference: Reference): Completion[] {
  const fields = reference.fields.map(({ name, type, source, example }): Completion => ({ label: name, kind: "field", detail: type, info: `${source}\n${example}` }));
  const functions = reference.functions.map(({ name, signature, gives, example }): Completion => ({ label: name, kind: "function", detail: signature, info: `${gives}\n${example}` }));
  return [...fields, ...functions, NOT];
}

const listed = (name: string): Completion => ({ label: `$${name}`, kind: "list", detail: "list of the rulebook" });

/** Behind `in {` and before its end. */
function isInList(before: Token[]): boolean {
  const open = before.findLastIndex((token) => token.text === "{" && token.kind === "bracket");
  return open >= 0 && !before.slice(open).some((token) => token.text === "}" && token.kind === "bracket");
}

/** The field that is compared at the end of these words: of `lower(http.host) in {"a"` it is `http.host`. */
function comparedField(before: Token[]): string | null {
  const operator = before.findLastIndex((token) => token.kind === "operator" && token.text !== "..");
  const logic = before.findLastIndex((token) => token.kind === "logic");
  if (operator < 0 || operator < logic) return null;
  return before.slice(logic + 1, operator).findLast((token) => token.kind === "field")?.text ?? null;
}
