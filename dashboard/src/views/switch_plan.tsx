// For whom an enforcement holds at first, and until when: steps that are often wanted, or one's own.

import type { ComponentChildren } from "preact";
import { duration } from "../format.ts";

/** A step as it is sent; the last one has no end. */
export interface Step {
  percent: number;
  minutes?: number;
}

/** A step as it is written. */
export interface StepText {
  percent: string;
  minutes: string;
}

/** Ways to begin; the guard lets a step go on only while nobody healthy is harmed. */
export const PLANS: { name: string; steps: Step[] }[] = [
  { name: "1 % for 10 min, 10 % for 30 min, then all", steps: [{ percent: 1, minutes: 10 }, { percent: 10, minutes: 30 }, { percent: 100 }] },
  { name: "10 % for 10 min, then all", steps: [{ percent: 10, minutes: 10 }, { percent: 100 }] },
  { name: "all clients at once", steps: [{ percent: 100 }] },
];

/** As the API takes them. */
const MAX_STEPS = 16;

export const FIRST_STEPS: StepText[] = [
  { percent: "5", minutes: "60" },
  { percent: "25", minutes: "240" },
  { percent: "100", minutes: "" },
];

/** What the API takes of them: growing percentages, each but the last for a time; none while something is missing. */
export function stepsOf(texts: StepText[]): Step[] | null {
  const steps = texts.map(({ percent, minutes }, at) => ({ percent: Number(percent), ...(at < texts.length - 1 && { minutes: Number(minutes) }) }));
  const holds = steps.every(({ percent, minutes }, at) => percent > (steps[at - 1]?.percent ?? 0) && percent <= 100 && (minutes === undefined || minutes > 0));
  return steps.length > 0 && holds ? steps : null;
}

interface OwnProps {
  steps: StepText[];
  change: (steps: StepText[]) => void;
}

export function OwnSteps({ steps, change }: OwnProps) {
  const put = (at: number, part: Partial<StepText>) => change(steps.map((step, place) => (place === at ? { ...step, ...part } : step)));
  const add = () => change([...steps.slice(0, -1), { percent: "", minutes: "60" }, ...steps.slice(-1)]);
  return (
    <div class="stack" role="group" aria-label="Steps of my own">
      {steps.map((step, at) => {
        const isLast = at === steps.length - 1;
        return (
          <div key={at} class="fields">
            <label>
              Percent of clients, step {at + 1}
              <input inputMode="decimal" required value={step.percent} onInput={(event) => put(at, { percent: event.currentTarget.value })} />
            </label>
            {isLast ? (
              <span class="faint">from then on</span>
            ) : (
              <label>
                for minutes
                <input inputMode="decimal" required value={step.minutes} onInput={(event) => put(at, { minutes: event.currentTarget.value })} />
              </label>
            )}
            {steps.length > 1 && (
              <button type="button" class="quiet" aria-label={`Remove step ${at + 1}`} onClick={() => change(steps.filter((_, place) => place !== at))}>
                ✕
              </button>
            )}
          </div>
        );
      })}
      {stepsOf(steps) === null && <p class="fault">Each step has a larger percentage than the one before, up to 100, and lasts some minutes.</p>}
      <button type="button" disabled={steps.length >= MAX_STEPS} onClick={add}>
        Add a step
      </button>
    </div>
  );
}

/** How long a setting holds; then it is the rule's default again. */
const ENDS_MS = [3_600_000, 8 * 3_600_000, 86_400_000, 7 * 86_400_000];

/** Chosen where a time is written. */
const AT = "at";

interface EndProps {
  /** `""`, milliseconds, or `at`. */
  chosen: string;
  /** In UTC, as the platform's field has it. */
  at: string;
  change: (chosen: string, at: string) => void;
  children: ComponentChildren;
}

export const End = ({ chosen, at, change, children }: EndProps) => (
  <div class="fields">
    <label>
      How long
      <select value={chosen} onChange={(event) => change(event.currentTarget.value, at)}>
        <option value="">until somebody changes it</option>
        {ENDS_MS.map((ms) => (
          <option key={ms} value={ms}>
            for {duration(ms)}, then {children}
          </option>
        ))}
        <option value={AT}>until a time, then {children}</option>
      </select>
    </label>
    {chosen === AT && (
      <label>
        Until (UTC)
        <input type="datetime-local" required value={at} onInput={(event) => change(chosen, event.currentTarget.value)} />
      </label>
    )}
  </div>
);

/** `expires` as the API takes it. */
export function expiresOf(chosen: string, at: string, now: number): { expires?: string } {
  if (chosen === "") return {};
  if (chosen !== AT) return { expires: new Date(now + Number(chosen)).toISOString() };
  return at === "" ? {} : { expires: new Date(`${at}Z`).toISOString() };
}
