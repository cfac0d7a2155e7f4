// The rulebook of an older revision as a change of the one of now.

import { isSame, modesOf, type Rulebook, ruleIn } from "./types.ts";

/** Switches stay as they are unless `withModes`: those of rules and routes that the old revision does not have go with them. */
export function asOf(now: Rulebook, old: Rulebook, withModes: boolean, force: boolean): Rulebook {
  const isChanged = (id: string) => !isSame(ruleIn(now, id), ruleIn(old, id));
  return {
    ...old,
    revision: now.revision,
    rules: old.rules.map((rule) => (force && isChanged(rule.id) ? { ...rule, force } : rule)),
    modes: withModes ? old.modes : modesOf(now.modes, old),
  };
}
