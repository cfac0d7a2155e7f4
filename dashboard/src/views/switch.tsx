// The switch of one rule on one route: what holds, who would be hit, in which steps, why; then the change arriving.

import { useState } from "preact/hooks";
import { change } from "../api/client.ts";
import type { Changed, Mode, Pending, Preview as PreviewItem, Rule } from "../api/types.ts";
import { duration } from "../format.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { GuardBadge, GuardEvidence, guardWords } from "../parts/guard.tsx";
import { GuardOverTime } from "../parts/guard_over_time.tsx";
import { ModeBadge } from "../parts/mode.tsx";
import { Time } from "../parts/time.tsx";
import { isAnalyst, operatesOn, rank } from "../session.ts";
import { Preview } from "./preview.tsx";
import { type Held, StageLine } from "./rules.tsx";
import { End, expiresOf, FIRST_STEPS, OwnSteps, PLANS, stepsOf } from "./switch_plan.tsx";

const MODES: { mode: Mode; does: string }[] = [
  { mode: "off", does: "matches are not recorded and do not act" },
  { mode: "monitor", does: "matches are recorded and do not act" },
  { mode: "enforce", does: "matches are recorded and act" },
];

/** Behind the plans that are offered. */
const OWN = PLANS.length;

interface Props {
  rule: Rule;
  route: string;
  held: Held;
  close: () => void;
  done: () => void;
}

export function Switch({ rule, route, held, close, done }: Props) {
  const [mode, setMode] = useState<Mode>(held.mode);
  const [plan, setPlan] = useState(0);
  const [own, setOwn] = useState(FIRST_STEPS);
  const [end, setEnd] = useState({ chosen: "", at: "" });
  const [reason, setReason] = useState("");
  const [preview, setPreview] = useState<PreviewItem | null>(null);
  const [force, setForce] = useState(false);
  const [revision, setRevision] = useState<number | null>(null);
  const [pending, setPending] = useState<Pending | null>(null);
  const { isAsking, problem, make } = useChange();
  const isEnforcing = mode === "enforce";
  const hasPreview = preview?.status === "done" && !preview.stale;
  const isPermitted = !isEnforcing || force || hasPreview;
  const steps = plan === OWN ? stepsOf(own) : PLANS[plan]?.steps;

  const path = `rules/${encodeURIComponent(rule.id)}/modes/${encodeURIComponent(route)}`;
  const sent = (ask: () => Promise<Changed>) =>
    make(async () => {
      const answer = await ask();
      if (answer.pending) setPending(answer.pending);
      else setRevision(answer.revision);
      done();
    });
  const set = () => sent(() => change<Changed>("PUT", path, body()));
  const reset = () => sent(() => change<Changed>("DELETE", path, undefined, { reason }));

  const body = () => {
    const common = { mode, reason, ...expiresOf(end.chosen, end.at, Date.now()) };
    if (!isEnforcing || !steps) return common;
    const [first] = steps;
    const extent = steps.length > 1 ? { stages: steps } : first && first.percent < 100 ? { percent: first.percent } : {};
    return { ...common, ...extent, ...(force ? { force } : { preview: preview?.id }) };
  };

  const submit = (event: Event) => {
    event.preventDefault();
    set();
  };

  return (
    <Dialog title={`${rule.id} on ${route}`} close={close}>
      <p class="faint">{rule.description}</p>
      <pre tabIndex={0} aria-label="Expression">
        {rule.expression}
      </pre>
      <Current held={held} rule={rule} />
      {pending && (
        <p role="status" class="notice">
          It waits for a second person: {pending.sentence}. Somebody else who may switch rules on this route has an hour to approve it, on Rules or on Now.
        </p>
      )}
      {revision !== null && <Arrival revision={revision} />}
      {!pending && revision === null && (
        <form onSubmit={submit} class="stack">
          <fieldset disabled={!isAnalyst.value}>
            <legend>Mode on this route</legend>
            {MODES.map((one) => (
              <label key={one.mode} class="choice">
                <input type="radio" name="mode" value={one.mode} checked={mode === one.mode} onChange={() => setMode(one.mode)} />{" "}
                <ModeBadge mode={one.mode} />{" "}
                <span class="faint">
                  {one.does}
                  {one.mode === "enforce" && `: ${rule.action}`}
                </span>
              </label>
            ))}
          </fieldset>
          {isEnforcing && (
            <>
              <Preview rule={rule} route={route} found={setPreview} />
              <fieldset disabled={!operatesOn(route)}>
                <legend>For whom</legend>
                {PLANS.map((one, at) => (
                  <label key={one.name} class="choice">
                    <input type="radio" name="plan" checked={plan === at} onChange={() => setPlan(at)} /> {one.name}
                  </label>
                ))}
                <label class="choice">
                  <input type="radio" name="plan" checked={plan === OWN} onChange={() => setPlan(OWN)} /> in steps of my own
                </label>
                {plan === OWN && <OwnSteps steps={own} change={setOwn} />}
              </fieldset>
              {!hasPreview && (
                <label class="choice">
                  <input type="checkbox" checked={force} disabled={!operatesOn(route)} onChange={(event) => setForce(event.currentTarget.checked)} />{" "}
                  Enforce without a preview; the audit log says so
                </label>
              )}
            </>
          )}
          {operatesOn(route) ? (
            <>
              <End {...end} change={(chosen, at) => setEnd({ chosen, at })}>
                {rule.default_mode}
              </End>
              <Reason value={reason} set={setReason} problem={problem} />
              <div class="actions">
                <button type="submit" class={isEnforcing ? "danger" : "primary"} disabled={isAsking || !isPermitted || (isEnforcing && !steps)}>
                  {isAsking ? "Switching…" : isEnforcing ? `Enforce: ${rule.action}` : `Set to ${mode}`}
                </button>
                {held.set && (
                  <button type="button" disabled={isAsking || reason === ""} onClick={reset}>
                    Back to the default, {rule.default_mode}
                  </button>
                )}
                {isEnforcing && !isPermitted && <span class="faint">preview first</span>}
              </div>
            </>
          ) : (
            <p class="notice">You are {rank.value}: an operator of this route can switch it.</p>
          )}
        </form>
      )}
    </Dialog>
  );
}

function Current({ held, rule }: { held: Held; rule: Rule }) {
  const { set } = held;
  return (
    <div class="current">
      <p>
        Now <ModeBadge mode={held.mode} percent={held.percent} />{" "}
        {set ? (
          <span class="faint">
            set by {set.actor} <Time at={set.time} />
            {set.reason ? `: ${set.reason}` : ""}
          </span>
        ) : (
          <span class="faint">the rule's default</span>
        )}
        {set?.expires && (
          <span class="faint">
            {" "}
            until <Time at={set.expires} />, then {rule.default_mode}
          </span>
        )}
      </p>
      {set?.stage && (
        <p>
          <StageLine stage={set.stage} />
          {set.stage.next && <span class="faint"> (in {duration(Date.parse(set.stage.next) - Date.now())})</span>}
        </p>
      )}
      {set?.guard && (
        <>
          <p>
            <GuardBadge state={set.guard.state} words={guardWords(set.guard)} /> {guardWords(set.guard)}
          </p>
          <GuardEvidence guard={set.guard} />
          <OverTime rule={set.rule} route={set.route} />
        </>
      )}
    </div>
  );
}

/** Asked for when somebody wants to see it. */
function OverTime({ rule, route }: { rule: string; route: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Its evidence over the last day</summary>
      {isOpen && <GuardOverTime rule={rule} route={route} />}
    </details>
  );
}
