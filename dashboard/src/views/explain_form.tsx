// A request that somebody thinks of: what each rule would do with it, the rule that is being written among them.

import { useState } from "preact/hooks";
import { change } from "../api/client.ts";
import type { Hypothesis } from "../api/types.ts";
import { factsOf } from "../facts_text.ts";
import { useChange } from "../parts/change.tsx";
import { ModeBadge, VerdictBadge } from "../parts/mode.tsx";
import { Refusal } from "../parts/states.tsx";
import type { RuleForm } from "../rulebook/types.ts";

const CURL = "curl -A docker/19.03.6-ce https://registry.example/v2/library/alpine/blobs/sha256:4abc…";
const FACTS = "ip.src.asnum = 16509\nip.src.country = US";

/** `written`: a rule that is asked after all others, in monitor; none: the live rulebook alone. */
export function ExplainForm({ written }: { written: Pick<RuleForm, "expression" | "action"> | null }) {
  const [curl, setCurl] = useState("");
  const [facts, setFacts] = useState("");
  const [answer, setAnswer] = useState<Hypothesis | null>(null);
  const { isAsking, problem, make } = useChange();
  const explain = (event: Event) => {
    event.preventDefault();
    const rule = written && { expression: written.expression, action: written.action };
    make(async () => setAnswer(await change<Hypothesis>("POST", "explain", { curl, facts: factsOf(facts), ...(rule && { rule }) })));
  };
  return (
    <details class="card">
      <summary>Explain a request</summary>
      <form class="stack" onSubmit={explain}>
        <label>
          A curl command line
          <textarea value={curl} required rows={2} spellcheck={false} placeholder={CURL} onInput={(event) => setCurl(event.currentTarget.value)} />
        </label>
        <label>
          What the platform would say, one fact a line
          <textarea value={facts} rows={2} spellcheck={false} placeholder={FACTS} onInput={(event) => setFacts(event.currentTarget.value)} />
        </label>
        <Refusal problem={problem} />
        <div class="actions">
          <button type="submit" disabled={isAsking || curl.trim() === ""}>
            {isAsking ? "Asking…" : written ? "Explain, with the rule as written here" : "Explain"}
          </button>
        </div>
      </form>
      {answer && <Answer answer={answer} />}
    </details>
  );
}

function Answer({ answer }: { answer: Hypothesis }) {
  return (
    <section aria-label="What would be done" class="stack">
      <p class="capital" role="status">
        {answer.why}. <VerdictBadge verdict={answer.verdict} /> on route {answer.route}, revision {answer.revision}
      </p>
      {answer.uncertain.length > 0 && <p class="notice">These may act before, as far as is said: {answer.uncertain.join(", ")}.</p>}
      {answer.not_said.length > 0 && <p class="faint">Rules read what was not said: {answer.not_said.join(", ")}.</p>}
      {answer.rules.map((rule) => (
        <article key={rule.rule} class="card rule-card">
          <p>
            <strong>{rule.rule}</strong> <ModeBadge mode={rule.mode} percent={rule.percent} /> {rule.why}
          </p>
          <ul class="plain clauses">
            {rule.clauses.map((clause) => (
              <li key={`${clause.start} ${clause.end}`}>
                <span class={`truth truth-${clause.value}`}>{clause.value === null ? "unknown" : String(clause.value)}</span> <code>{clause.text}</code>
              </li>
            ))}
          </ul>
        </article>
      ))}
    </section>
  );
}
