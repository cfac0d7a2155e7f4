// A draft: changes of the rulebook that are published together, as one revision. It is kept in this browser until then, beside what
// each change began from: what somebody else changed meanwhile is shown and not overwritten unnoticed.

import { listIn, type ListForm, written } from "./list_form.ts";
import { type DocumentRule, isSame, modesOf, type RouteForm, routeIn, type Rulebook, type RuleForm, ruleIn } from "./types.ts";

/** `form` null: it is retired. `base` null: it was not there. */
export interface Edit<T> {
  form: T | null;
  base: T | null;
}

export interface Draft {
  rules: Record<string, Edit<RuleForm>>;
  routes: Record<string, Edit<RouteForm>>;
  lists: Record<string, Edit<ListForm>>;
  settings: Edit<Record<string, unknown>> | null;
  /** Rules in their order; those that it does not name come after it, in theirs. */
  order: string[] | null;
}

export const EMPTY: Draft = { rules: {}, routes: {}, lists: {}, settings: null, order: null };

export const size = (draft: Draft): number =>
  [draft.rules, draft.routes, draft.lists].reduce((all, edits) => all + Object.keys(edits).length, 0) + Number(draft.settings !== null) + Number(draft.order !== null);

export interface Applied {
  book: Rulebook;
  /** Parts that somebody else changed since the draft began from them: `rules/old-docker`. */
  conflicts: string[];
}

export function apply(book: Rulebook, draft: Draft, force = false): Applied {
  const rules = ordered(withEdits(book.rules, draft.rules, (rule) => rule.id, ruleOf(force)), draft.order);
  const routes = withEdits(book.routes, draft.routes, (route) => route.name, (name, form) => ({ ...form, name }));
  const lists = withEdits(book.lists ?? [], draft.lists, (list) => list.name, written);
  const modes = modesOf(book.modes, { rules, routes });
  const settings = draft.settings?.form ?? book.settings;
  return { book: { ...book, rules, routes, modes, settings, ...((book.lists || lists.length > 0) && { lists }) }, conflicts: conflicts(book, draft) };
}

/** What the page does not know of a rule stays. A changed rule that is enforced somewhere needs `force`. */
const ruleOf =
  (force: boolean) =>
  (id: string, form: RuleForm, before: DocumentRule | undefined): DocumentRule => ({
    ...before,
    ...form,
    id,
    version: before?.version ?? 0,
    ...(force && { force }),
  });

function withEdits<T, F>(items: T[], edits: Record<string, Edit<F>>, nameOf: (item: T) => string, made: (name: string, form: F, before: T | undefined) => T): T[] {
  const known = new Set(items.map(nameOf));
  const changed = items.flatMap((item) => {
    const edit = edits[nameOf(item)];
    if (!edit) return [item];
    return edit.form === null ? [] : [made(nameOf(item), edit.form, item)];
  });
  const added = Object.entries(edits).flatMap(([name, { form }]) => (known.has(name) || form === null ? [] : [made(name, form, undefined)]));
  return [...changed, ...added];
}

function ordered(rules: DocumentRule[], order: string[] | null): DocumentRule[] {
  if (order === null) return rules;
  const place = ({ id }: DocumentRule) => (order.includes(id) ? order.indexOf(id) : order.length);
  return [...rules].sort((a, b) => place(a) - place(b));
}

function conflicts(book: Rulebook, draft: Draft): string[] {
  const rules = Object.entries(draft.rules).filter(([id, { base }]) => !isSame(base, ruleIn(book, id)));
  const routes = Object.entries(draft.routes).filter(([name, { base }]) => !isSame(base, routeIn(book, name)));
  const lists = Object.entries(draft.lists).filter(([name, { base }]) => !isSame(base, listIn(book, name)));
  const settings = draft.settings && !isSame(draft.settings.base, book.settings) ? ["settings"] : [];
  return [...rules.map(([id]) => `rules/${id}`), ...routes.map(([name]) => `routes/${name}`), ...lists.map(([name]) => `lists/${name}`), ...settings];
}

/** The same draft, begun from what there is now: whoever says so has seen what somebody else changed. */
export function rebased(draft: Draft, book: Rulebook): Draft {
  const rebase = <F>(edits: Record<string, Edit<F>>, now: (book: Rulebook, name: string) => F | null) =>
    Object.fromEntries(Object.entries(edits).map(([name, { form }]) => [name, { form, base: now(book, name) }]));
  return {
    ...draft,
    rules: rebase(draft.rules, ruleIn),
    routes: rebase(draft.routes, routeIn),
    lists: rebase(draft.lists, listIn),
    settings: draft.settings && { ...draft.settings, base: book.settings },
  };
}

/** An edit that changes nothing: it takes out what the draft has of this name. */
export const NO_EDIT: Edit<never> = { form: null, base: null };

export const withRule = (draft: Draft, id: string, edit: Edit<RuleForm>): Draft => ({ ...draft, rules: withEdit(draft.rules, id, edit) });

export const withRoute = (draft: Draft, name: string, edit: Edit<RouteForm>): Draft => ({ ...draft, routes: withEdit(draft.routes, name, edit) });

export const withList = (draft: Draft, name: string, edit: Edit<ListForm>): Draft => ({ ...draft, lists: withEdit(draft.lists, name, edit) });

function withEdit<F>(edits: Record<string, Edit<F>>, name: string, edit: Edit<F>): Record<string, Edit<F>> {
  const { [name]: _, ...others } = edits;
  return isSame(edit.form, edit.base) ? others : { ...others, [name]: edit };
}

/** One place up or down; `now` is the order that the page shows. */
export function moved(now: string[], id: string, by: 1 | -1): string[] {
  const at = now.indexOf(id);
  const to = at + by;
  if (at < 0 || to < 0 || to >= now.length) return now;
  const others = now.filter((one) => one !== id);
  return [...others.slice(0, to), id, ...others.slice(to)];
}

/** What was kept, if it is a draft; anything else is none. */
export function parsed(text: string | null): Draft {
  try {
    const value = JSON.parse(text ?? "") as Partial<Draft> & { schema?: number };
    if (value.schema !== SCHEMA && value.schema !== WITHOUT_LISTS) return EMPTY;
    return { rules: value.rules ?? {}, routes: value.routes ?? {}, lists: value.lists ?? {}, settings: value.settings ?? null, order: value.order ?? null };
  } catch {
    return EMPTY;
  }
}

/** Of what a browser keeps: another form is another number. */
const SCHEMA = 2;
const WITHOUT_LISTS = 1;

export const printed = (draft: Draft): string => JSON.stringify({ schema: SCHEMA, ...draft });
