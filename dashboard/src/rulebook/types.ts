// The rulebook as it is read and written (docs/api.md, "The whole rulebook"): what the page does not know of a part stays in it.

import type { ListItem, ListKind, Place, Push, RouteBody, RuleBody, VersionItem, Volume } from "../api/schema.ts";
import type { Mode } from "../api/types.ts";

export type { ListKind, Volume };

/** What somebody writes of a rule. */
export interface RuleForm extends Required<Omit<RuleBody, "force" | "volume">> {
  volume: Volume | null;
}

export interface DocumentRule extends Omit<RuleForm, "volume"> {
  id: string;
  version: number;
  volume?: Volume | null;
  force?: boolean;
}

/** What somebody writes of a route; absent: the default. */
export interface RouteForm extends Omit<RouteBody, "cache" | "disclose" | "redirects"> {
  /** As they stand in the form: the worker says which words it knows. */
  cache?: string;
  disclose?: string;
  redirects?: string;
}

export interface DocumentRoute extends RouteForm {
  name: string;
}

export interface DocumentMode {
  rule: string;
  route: string;
  mode: Mode;
}

export interface Rulebook {
  revision: number;
  rules: DocumentRule[];
  routes: DocumentRoute[];
  modes: DocumentMode[];
  settings: Record<string, unknown>;
  /** Those that expressions name with `$`; absent where there are none. */
  lists?: DocumentList[];
}

export interface DocumentList {
  name: string;
  /** The server gives a new one its own. */
  version?: number | null;
  description: string;
  kind: ListKind;
  items: ListItem[];
}

export const listNames = ({ lists = [] }: Rulebook): string[] => lists.map(({ name }) => name);

/** One version of a rule, as `rules/{id}/versions` lists them. */
export type RuleVersion = VersionItem;

export type Fault = Place;

/** What a push does, or would do. */
export type Plan = Push;

export const NEW_RULE: RuleForm = { description: "", expression: "", action: "tag", default_mode: "monitor", volume: null };

/** Without what the server adds. */
export const formOf = ({ description, expression, action, default_mode, volume }: Omit<RuleForm, "volume"> & { volume?: Volume | null }): RuleForm => ({
  description,
  expression,
  action,
  default_mode,
  volume: volume ?? null,
});

/** What is written of a rule, if there is one of this id. */
export function ruleIn(book: Rulebook, id: string): RuleForm | null {
  const rule = book.rules.find((one) => one.id === id);
  return rule ? formOf(rule) : null;
}

export function routeIn(book: Rulebook, name: string): RouteForm | null {
  const route = book.routes.find((one) => one.name === name);
  if (!route) return null;
  const { name: _, ...form } = route;
  return form;
}

/** Those of rules and routes that are there. */
export function modesOf(modes: DocumentMode[], { rules, routes }: Pick<Rulebook, "rules" | "routes">): DocumentMode[] {
  const [ids, names] = [new Set(rules.map(({ id }) => id)), new Set(routes.map(({ name }) => name))];
  return modes.filter((mode) => ids.has(mode.rule) && names.has(mode.route));
}

/** Whatever the order of the fields. */
export const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one, inOrder) === JSON.stringify(other, inOrder);

function inOrder(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
