// What is different here: the cohorts that explain a selection of requests, and bars of each attribute's values in it and in the
// rest. Nothing is asked before somebody wants to know.

import { useState } from "preact/hooks";
import { change } from "../api/client.ts";
import type { Comparison } from "../api/types.ts";
import { count, percent } from "../format.ts";
import { useChange } from "../parts/change.tsx";
import { FilterBy } from "../parts/filter_by.tsx";
import { Refusal } from "../parts/states.tsx";

/** As `POST compare` takes it. */
export interface Selection {
  of?: "requests" | "fires";
  since: string;
  until?: string;
  filters: Record<string, string[]>;
  within?: { since?: string; until?: string; filters?: Record<string, string[]> };
}

/** Attributes whose values differ less look alike. */
const LEAST = 0.02;
const MAX_ATTRIBUTES = 9;
const MAX_BARS = 6;

/** With another `key` for another selection: what was asked of one says nothing of another. */
export function Compare({ selection, what }: { selection: Selection; what: string }) {
  const [answer, setAnswer] = useState<Comparison | null>(null);
  const { isAsking, problem, make } = useChange();
  const ask = () => make(async () => setAnswer(await change<Comparison>("POST", "compare", selection)));
  return (
    <section aria-label="What is different here?">
      <div class="bar">
        <button type="button" disabled={isAsking} onClick={ask}>
          {isAsking ? "Comparing…" : "What is different here?"}
        </button>
        <span class="faint">{what}</span>
      </div>
      <Refusal problem={problem} />
      {answer && <Answer answer={answer} />}
    </section>
  );
}

function Answer({ answer }: { answer: Comparison }) {
  const differing = answer.attributes.filter((of) => !of.chosen && of.difference >= LEAST).slice(0, MAX_ATTRIBUTES);
  return (
    <div class="card stack compare-answer" role="status">
      <p>
        {count(answer.selection)} requests here, {count(answer.rest)} in the rest.
        {answer.other > 0 && ` ${count(answer.other)} of rare combinations are left out.`}
        {answer.incomplete && ` Without ${answer.incomplete.join(", ")}, which did not answer.`}
      </p>
      {answer.cohorts.length > 0 ? (
        <ul class="plain">
          {answer.cohorts.map((cohort) => (
            <li key={cohort.sentence}>
              <strong>{cohort.sentence}</strong>
            </li>
          ))}
        </ul>
      ) : (
        <p>No cohort explains it: these requests are like the rest.</p>
      )}
      {differing.length > 0 && (
        <>
          <p class="faint">Each value's share of the requests here (dark) and of the rest (pale), where they differ most.</p>
          <div class="columns">
            {differing.map((of) => (
              <Bars key={of.attribute} of={of} />
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function Bars({ of }: { of: Comparison["attributes"][number] }) {
  return (
    <table class="list compare">
      <caption>{of.attribute.replaceAll("_", " ")}</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">Value</th>
          <th scope="col">Share here</th>
          <th scope="col">Share of the rest</th>
          <th scope="col">Bars</th>
        </tr>
      </thead>
      <tbody>
        {of.values.slice(0, MAX_BARS).map((bar) => (
          <tr key={String(bar.value)}>
            <th scope="row">
              <FilterBy parts={[[of.attribute, bar.value]]}>{bar.value ?? "(none)"}</FilterBy>
            </th>
            <td class="number">{percent(bar.selection)}</td>
            <td class="number faint">{percent(bar.rest)}</td>
            <td class="compare-bars" aria-hidden="true">
              <Share share={bar.selection} name="here" />
              <Share share={bar.rest} name="rest" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Drawn without inline styles, which the content security policy forbids. */
function Share({ share, name }: { share: number; name: "here" | "rest" }) {
  return (
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" class={`compare-${name}`}>
      <rect x="0" y="0" width={Math.max(0.5, 100 * share)} height="6" />
    </svg>
  );
}
