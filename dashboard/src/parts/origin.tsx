// Whose a rule is: another party's is never mistaken for ours.

/** The names of our own rules hold no colon. */
export const isUpstream = (rule: string): boolean => rule.includes(":");

/** A rule's name; another party's in its own colour and with the word. */
export const RuleName = ({ rule }: { rule: string }) =>
  isUpstream(rule) ? (
    <span class="upstream">
      {rule} <span class="badge origin-upstream">upstream</span>
    </span>
  ) : (
    <>{rule}</>
  );
