// Whom the rule would hit, beside the form: the last hour is replayed again whenever the expression changes.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Preview } from "../api/types.ts";
import { bytes, count, percent } from "../format.ts";
import { Refusal } from "../parts/states.tsx";
import { previewCalls } from "../rulebook/calls.ts";
import { isOutdated, PreviewRunner, type PreviewState } from "../rulebook/preview_runner.ts";
import type { RuleForm } from "../rulebook/types.ts";

interface Props {
  /** None while the expression cannot be read. */
  form: RuleForm | null;
  routes: string[];
}

export function WhoWouldBeHit({ form, routes }: Props) {
  const [route, setRoute] = useState("default");
  const [state, setState] = useState<PreviewState>({ item: null, of: null, isRunning: false, problem: null });
  const runner = useRef<PreviewRunner | null>(null);
  runner.current ??= new PreviewRunner(previewCalls, setState);
  useEffect(() => () => runner.current?.want(null), []);
  const wanted = form && { expression: form.expression, action: form.action, volume: form.volume, route };
  useEffect(() => {
    runner.current?.want(wanted);
  }, [JSON.stringify(wanted)]);

  const isOld = isOutdated(state, wanted);
  return (
    <section class="card" aria-labelledby="hit">
      <div class="bar spread">
        <h2 id="hit">Who would be hit</h2>
        <label class="inline">
          on route{" "}
          <select value={route} onChange={(event) => setRoute(event.currentTarget.value)}>
            {routes.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      <p class="faint" role="status">
        {state.isRunning ? "Replaying the last hour…" : form === null ? "Shown as soon as the expression can be read." : isOld ? "Waiting until you stop typing…" : "Requests of the last hour, replayed through the rule as it stands."}
      </p>
      <Refusal problem={state.problem} />
      {state.item && (
        <div class={isOld || state.isRunning ? "outdated" : ""} aria-busy={isOld || state.isRunning}>
          <Hit item={state.item} />
        </div>
      )}
    </section>
  );
}

function Hit({ item }: { item: Preview }) {
  if (item.status !== "done") return <p class="notice">{item.status === "failed" ? `The preview failed${item.error ? `: ${item.error}` : ""}.` : "The preview was cancelled."}</p>;
  const about = item.clients_exact ? "" : "about ";
  return (
    <>
      <p class="hit-sentence capital">{item.sentence}</p>
      <p class="faint">
        {count(item.matched_requests)} requests ({percent(item.share)} of the route's last hour) of {about}
        {count(item.matched_clients)} clients in {about}
        {count(item.matched_networks)} networks; {count(item.matched_pulls)} pulls, {bytes(item.matched_bytes)}
      </p>
      {item.not_judged.requests > 0 && (
        <p class="notice">
          {count(item.not_judged.requests)} requests could not be judged: {item.not_judged.fields.join(", ")} is not kept.
        </p>
      )}
      {item.incomplete.length > 0 && <p class="notice">Incomplete: {item.incomplete.join(", ")} did not answer.</p>}
      {item.cohorts.length > 0 && (
        <ul class="plain bars" aria-label="Cohorts">
          {item.cohorts.map((cohort) => (
            <li key={cohort.sentence} class={cohort.healthy !== null && cohort.healthy > 0.5 ? "harm" : ""}>
              <span>{cohort.sentence}</span>
              <span class="share" aria-hidden="true">
                <span style={{ width: `${Math.min(1, cohort.share_of_cohort) * 100}%` }} />
              </span>
              <span class="faint">
                {percent(cohort.share_of_cohort)} of it: {count(cohort.requests)} requests, {count(cohort.clients)} clients
                {cohort.healthy !== null && `; ${percent(cohort.healthy)} of its pulls were healthy`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
