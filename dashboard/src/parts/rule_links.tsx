// The names of rules, each with its way to the rule.

import { to } from "../address.ts";
import { Link } from "./link.tsx";

export function RuleLinks({ rules }: { rules: string[] }) {
  if (rules.length === 0) return <span class="faint">none</span>;
  return (
    <>
      {rules.map((rule, at) => (
        <span key={rule}>
          {at > 0 && ", "}
          <Link to={to(["rule", rule])}>{rule}</Link>
        </span>
      ))}
    </>
  );
}
