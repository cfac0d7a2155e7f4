// A rule at the head of its row, with its way to the editor; and the ways to a new one and to the draft.

import { to } from "../address.ts";
import type { Rule } from "../api/types.ts";
import { size } from "../rulebook/draft.ts";
import { draft } from "../rulebook/draft_kept.ts";
import { isAnalyst } from "../session.ts";
import { Expression } from "./expression.tsx";
import { Link } from "./link.tsx";

export const RuleHead = ({ rule }: { rule: Rule }) => (
  <>
    <Link to={to(["rule", rule.id])}>{rule.id}</Link> <span class="faint">{rule.action}</span>
    {draft.value.rules[rule.id] && <span class="badge change-change">in the draft</span>}
    <small class="faint">{rule.description}</small>
    <small class="expression-line" title={rule.expression}>
      <Expression text={rule.expression} />
    </small>
  </>
);

/** For whoever can see what a rule would do; publishing it is another's. */
export function RulebookLinks() {
  if (!isAnalyst.value) return null;
  const changes = size(draft.value);
  return (
    <>
      <Link to={to(["rule"])} class="button">
        New rule
      </Link>
      <Link to={to(["draft"])} class="button">
        Draft and order
        {changes > 0 && (
          <span class="alarm neutral">
            {changes}
            <span class="hidden"> {changes === 1 ? "change" : "changes"}</span>
          </span>
        )}
      </Link>
    </>
  );
}
