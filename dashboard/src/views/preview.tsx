// Who would be hit: recorded requests of the last day, replayed through the rule; with its progress, and a way to stop it.

import { useEffect, useState } from "preact/hooks";
import { to } from "../address.ts";
import { change, get, toProblem } from "../api/client.ts";
import type { Preview as Item, Problem, Rule } from "../api/types.ts";
import { bytes, count, percent } from "../format.ts";
import { useLive } from "../live.ts";
import { Link } from "../parts/link.tsx";
import { Refusal } from "../parts/states.tsx";
import { isAnalyst } from "../session.ts";

export function Preview({ rule, route, found }: { rule: Rule; route: string; found: (item: Item | null) => void }) {
  const [id, setId] = useState<string | null>(null);
  const [isOver, setOver] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const path = `previews/${encodeURIComponent(id ?? "")}`;
  const live = useLive(id && `preview ${id}`, (signal) => get<Item>(path, {}, signal), isOver ? 0 : 500);
  const item = live.data;

  useEffect(() => {
    if (!item) return;
    setOver(item.status !== "running");
    found(item);
  }, [item]);

  const start = async () => {
    setProblem(null);
    setOver(false);
    found(null);
    try {
      setId((await change<Item>("POST", "previews", { rule: { id: rule.id }, route })).id);
    } catch (error) {
      setProblem(toProblem(error));
    }
  };
  const cancel = () => change("DELETE", path).then(live.refresh, (error: unknown) => setProblem(toProblem(error)));

  return (
    <section class="preview" aria-label="Preview">
      <div class="actions">
        <button type="button" class="primary" disabled={!isAnalyst.value || item?.status === "running"} onClick={start}>
          {item ? "Preview again" : "Who would be hit?"}
        </button>
        {item?.status === "running" && (
          <>
            <progress value={item.progress.scanned} max={Math.max(item.progress.total, 1)} aria-label="Preview" />
            <span role="status">
              {count(item.progress.scanned)} of {count(item.progress.total)} requests replayed
            </span>
            <button type="button" onClick={cancel}>
              Cancel
            </button>
          </>
        )}
        {item === undefined && !problem && id && !live.problem && <span role="status">Starting…</span>}
        {item?.status === "cancelled" && <span role="status">Cancelled: it is unknown who would be hit.</span>}
      </div>
      <Refusal problem={problem ?? live.problem} />
      {item?.status === "failed" && (
        <p class="notice notice-bad" role="alert">
          The preview failed{item.error ? `: ${item.error}` : ""}. Start it again.
        </p>
      )}
      {item?.status === "done" && <Outcome item={item} rule={rule} route={route} />}
    </section>
  );
}

function Outcome({ item, rule, route }: { item: Item; rule: Rule; route: string }) {
  const about = item.clients_exact ? "" : "about ";
  return (
    <div role="status">
      <p class="sentence">{item.sentence}</p>
      <p class="faint">
        {count(item.matched_requests)} requests ({percent(item.share)} of the route's last day) of {about}
        {count(item.matched_clients)} clients in {about}
        {count(item.matched_networks)} networks; {count(item.matched_pulls)} pulls of blobs, {bytes(item.matched_bytes)}
        {item.already_denied_requests > 0 && `; ${count(item.already_denied_requests)} of them are already refused by other rules`}
        {item.weighted && "; counted from a sample, by weight"}.{" "}
        <Link to={to(["fires"], { rule: rule.id, route, since: "-24h" })}>Their requests</Link>
      </p>
      {item.stale && <p class="notice">This preview does not permit an enforcement{item.stale_because ? `: ${item.stale_because}` : ""}. Preview again.</p>}
      {item.not_judged.requests > 0 && (
        <p class="notice">
          {count(item.not_judged.requests)} requests could not be judged: {item.not_judged.fields.join(", ")} is not kept.
        </p>
      )}
      {item.approximations?.map((one) => (
        <p key={one} class="faint">
          {one}
        </p>
      ))}
      {(item.incomplete?.length ?? 0) > 0 && <p class="notice">Incomplete: {item.incomplete.join(", ")} did not answer{item.error ? ` (${item.error})` : ""}.</p>}
      {item.cohorts.length > 0 && (
        <ul class="plain cohorts">
          {item.cohorts.map((cohort) => (
            <li key={cohort.sentence} class={`row ${cohort.healthy !== null && cohort.healthy > 0.5 ? "harm" : ""}`}>
              {cohort.sentence}
              <span class="faint">
                {" "}
                {count(cohort.requests)} requests, {count(cohort.clients)} clients, {percent(cohort.share_of_cohort)} of the cohort
                {cohort.healthy !== null && `; ${percent(cohort.healthy)} of its pulls were healthy`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
