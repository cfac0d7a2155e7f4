// The rulebook of an older revision as a change of the one of now.

import { formOf, isSame, type Rulebook } from "./types.ts";

/** Switches stay as they are unless `withModes`: those of rules and routes that the old revision does not have go with them. */
export function asOf(now: Rulebook, old: Rulebook, withModes: boolean, force: boolean): Rulebook {
  const [rules, routes] = [new Set(old.rules.map(({ id }) => id)), new Set(old.routes.map(({ name }) => name))];
  const kept = now.modes.filter((mode) => rules.has(mode.rule) && routes.has(mode.route));
  const isChanged = (id: string) => {
    const [before, after] = [now, old].map((book) => book.rules.find((rule) => rule.id === id));
    return !before || !after || !isSame(formOf(before), formOf(after));
  };
  return {
    ...old,
    revision: now.revision,
    rules: old.rules.map((rule) => (force && isChanged(rule.id) ? { ...rule, force } : rule)),
    modes: withModes ? old.modes : kept,
  };
}
