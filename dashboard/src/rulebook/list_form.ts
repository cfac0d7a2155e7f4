// What somebody changes of a list: items that come and go, so that what others do to the list meanwhile stays.

import { tokenize } from "../rule_language/tokens.ts";
import type { DocumentList, ListKind, Rulebook } from "./types.ts";

export interface ListForm {
  kind: ListKind;
  description: string;
  /** Items as they are written, in the order in which somebody wrote them. */
  add: string[];
  remove: string[];
}

/** Kinds, and what an item of each is. */
export const KINDS: Record<ListKind, { label: string; example: string }> = {
  network: { label: "networks: addresses, blocks, ranges", example: "192.0.2.0/24\n2001:db8::/32" },
  address: { label: "addresses", example: "192.0.2.7\n2001:db8::7" },
  number: { label: "numbers, such as of networks (ASN)", example: "64496\n64500..64511" },
  string: { label: "strings", example: "curl/7.68.0" },
  host_name: { label: "host names; *.example is every name below example", example: "registry.example.com\n*.example" },
};

export const NEW_LIST: ListForm = { kind: "network", description: "", add: [], remove: [] };

/** As the API has it. */
export const LIST_NAME = /^[a-z0-9_]{1,50}$/;

/** The form in which a list is unchanged, if there is one of this name. */
export function listIn(book: Rulebook, name: string): ListForm | null {
  const list = book.lists?.find((one) => one.name === name);
  return list ? { ...NEW_LIST, kind: list.kind, description: list.description } : null;
}

/** The list that a form makes of the one before. */
export function written(name: string, { add, remove, ...head }: ListForm, before: DocumentList | undefined): DocumentList {
  const [come, gone] = [new Set(add), new Set(remove)];
  const stay = (before?.items ?? []).filter((item) => !gone.has(String(item)) && !come.has(String(item)));
  return { version: null, ...before, name, ...head, items: [...add, ...stay] };
}

export interface WrittenItem {
  text: string;
  /** Where it begins in what was written. */
  from: number;
  line: number;
}

/** What a text has as items, each once: of strings one a line; values of the other kinds hold no space and no comma. */
export function itemsOf(text: string, kind: ListKind): WrittenItem[] {
  const pattern = kind === "string" ? /[^\s](?:[^\n]*[^\s])?/g : /[^\s,;"'[\]]+/g;
  const found = new Map<string, WrittenItem>();
  let [line, end] = [1, 0];
  for (const { 0: item, index } of text.matchAll(pattern)) {
    line += text.slice(end, index).split("\n").length - 1;
    end = index;
    if (!found.has(item)) found.set(item, { text: item, from: index, line });
  }
  return [...found.values()];
}

/** The rules whose expressions name a list. */
export const usersOf = ({ rules }: Rulebook, name: string): string[] => rules.filter(({ expression }) => names(expression, name)).map(({ id }) => id);

const names = (expression: string, name: string): boolean =>
  expression.includes("$") && tokenize(expression).some(({ kind, text }) => kind === "list" && text === `$${name}`);
