// The way from what one sees to a rule of it: the editor opens with an expression, and says what no expression can read.

import { to } from "../address.ts";
import type { Conditions } from "../rule_language/conditions.ts";
import { isAnalyst } from "../session.ts";
import { Link } from "./link.tsx";

interface Props {
  of: Conditions;
  /** What the rule is made of, for its description. */
  from: string;
  children: string;
}

export function MakeRule({ of, from, children }: Props) {
  if (!isAnalyst.value || of.expression === "") return null;
  const leftOut = of.leftOut.length > 0 ? of.leftOut.join(",") : undefined;
  return (
    <Link to={to(["rule"], { expression: of.expression, description: from, without: leftOut })} class="button">
      {children}
    </Link>
  );
}
