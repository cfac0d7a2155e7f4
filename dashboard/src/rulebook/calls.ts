// The calls that read and write the rulebook.

import { apiAddress, change, get, getRaw, Refused, send } from "../api/client.ts";
import type { Changed, Preview, Summary } from "../api/types.ts";
import { type Live, useLive } from "../live.ts";
import { countedBy } from "../rule_language/values.ts";
import type { Seen } from "../editor/editor.ts";
import type { Candidate, PreviewCalls } from "./preview_runner.ts";
import { listIn, type ListForm, written } from "./list_form.ts";
import { type Fault, isSame, type Plan, type Rulebook, type RuleForm, ruleIn } from "./types.ts";

/** Often enough to notice that somebody else changes the same. */
const EVERY_MS = 10_000;

export const readRulebook = (signal?: AbortSignal): Promise<Rulebook> => getRaw<Rulebook>("rulebook", {}, signal);

export const useRulebook = (): Live<Rulebook> => useLive("rulebook", readRulebook, EVERY_MS);

export const rulePath = (id: string): string => `rules/${encodeURIComponent(id)}`;

export const listPath = (name: string): string => `lists/${encodeURIComponent(name)}`;

export const checkExpression = async (expression: string, signal: AbortSignal): Promise<Fault[]> =>
  (await send<{ errors: Fault[] }>("POST", apiAddress("rules/check"), { expression }, { signal })).errors;

/** Times that a save begins again because somebody changed another part of the rulebook in between. */
const MAX_ATTEMPTS = 5;

export type Saved<T> = { kind: "saved"; answer: Changed & T } | { kind: "conflict" };

/**
 * Writes a rule if it still is what the change began from. The rulebook may be at another revision: stages and guards make some all
 * the time.
 */
export async function saveRule(id: string, form: RuleForm, base: RuleForm | null, reason: string, force: boolean): Promise<Saved<RuleForm>> {
  const put = (ifMatch: number) => change<Changed & RuleForm>("PUT", rulePath(id), { ...form, ...(force && { force }) }, { reason }, { ifMatch });
  return atRevision(put, (book) => isSame(ruleIn(book, id), base));
}

export async function retireRule(id: string, base: RuleForm | null, reason: string): Promise<Saved<unknown>> {
  const remove = (ifMatch: number) => change<Changed>("DELETE", rulePath(id), undefined, { reason }, { ifMatch });
  return atRevision(remove, (book) => isSame(ruleIn(book, id), base));
}

/**
 * Writes what is changed of a list. Items come and go whatever somebody else did to the others; a new list, another kind or another
 * description is written only if the list still is what the change began from. Items that come are the first of those sent, so that
 * the place of a fault is that in `form.add`.
 */
export async function saveList(name: string, form: ListForm, base: ListForm | null, reason: string): Promise<Saved<unknown>> {
  const { add, remove, ...head } = form;
  if (base !== null && isSame(head, { kind: base.kind, description: base.description })) {
    return { kind: "saved", answer: await change<Changed>("POST", `${listPath(name)}/items`, { add, remove }, { reason }) };
  }
  const put = (ifMatch: number, book: Rulebook) => {
    const { items } = written(name, form, book.lists?.find((list) => list.name === name));
    return change<Changed>("PUT", listPath(name), { ...head, items }, { reason }, { ifMatch });
  };
  return atRevision(put, (book) => isSame(listIn(book, name), base));
}

export async function removeList(name: string, base: ListForm | null, reason: string): Promise<Saved<unknown>> {
  const remove = (ifMatch: number) => change<Changed>("DELETE", listPath(name), undefined, { reason }, { ifMatch });
  return atRevision(remove, (book) => isSame(listIn(book, name), base));
}

/** Makes a change at the newest revision, as long as what it began from still holds there. */
export async function atRevision<T>(act: (revision: number, book: Rulebook) => Promise<Changed & T>, holds: (book: Rulebook) => boolean): Promise<Saved<T>> {
  for (let attempt = 1; ; attempt += 1) {
    const book = await readRulebook();
    if (!holds(book)) return { kind: "conflict" };
    try {
      return { kind: "saved", answer: await act(book.revision, book) };
    } catch (error) {
      const isMoved = error instanceof Refused && error.problem.status === 412;
      if (!isMoved || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** What a push of this document would do. */
export const planOf = (book: Rulebook, signal?: AbortSignal): Promise<Plan> =>
  send<Plan>("PUT", apiAddress("rulebook", { dry_run: "true" }), book, signal && { signal });

export const push = (book: Rulebook, reason: string): Promise<Plan> => change<Plan>("PUT", "rulebook", book, { reason }, { ifMatch: book.revision });

/** Requests of the last hour: enough to see who is hit, few enough to be replayed while somebody types. */
const PREVIEWED_MS = 3_600_000;

export const previewCalls: PreviewCalls = {
  begin: ({ route, expression, action, volume }: Candidate) =>
    change<Preview>("POST", "previews", {
      rule: { expression, action, ...(volume && { volume }) },
      route,
      since: new Date(Date.now() - PREVIEWED_MS).toISOString(),
    }),
  look: (id) => get<Preview>(`previews/${encodeURIComponent(id)}`),
  cancel: (id) => change("DELETE", `previews/${encodeURIComponent(id)}`),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Values are asked for once while a page is open. */
const seen = new Map<string, Promise<Seen[]>>();

export function valuesOf(field: string): Promise<Seen[]> {
  const by = countedBy(field);
  if (by === null) return Promise.resolve([]);
  const known = seen.get(by);
  if (known) return known;
  const asked = get<Summary>("requests/summary", { by, since: "-1h", limit: 50 }).then(({ groups }) =>
    groups.flatMap((group) => (typeof group[by] === "string" ? [{ value: group[by], requests: group.requests }] : [])),
  );
  asked.catch(() => seen.delete(by));
  seen.set(by, asked);
  return asked;
}
