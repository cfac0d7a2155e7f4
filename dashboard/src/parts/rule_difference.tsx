// What is different between two versions of a rule.

import { isSame, type RuleForm, type Volume } from "../rulebook/types.ts";
import { Difference } from "./expression.tsx";

export const volumeWords = (volume: Volume | null): string =>
  volume === null ? "every match" : `more than ${volume.requests} matches in ${volume.seconds} s by ${volume.by}`;

const TEXTS: [string, (form: RuleForm) => string][] = [
  ["Expression", (form) => form.expression],
  ["Description", (form) => form.description],
  ["Action", (form) => form.action],
  ["Default mode", (form) => form.default_mode],
  ["Fires on", (form) => volumeWords(form.volume)],
];

/** `before` null: the rule is new; `after` null: it is retired. */
export function RuleDifference({ before, after }: { before: RuleForm | null; after: RuleForm | null }) {
  if (isSame(before, after)) return <p class="faint">No difference.</p>;
  const changed = TEXTS.map(([name, text]) => ({ name, old: before ? text(before) : "", now: after ? text(after) : "" })).filter(({ old, now }) => old !== now);
  return (
    <dl class="facts differences">
      {changed.map(({ name, old, now }) => (
        <>
          <dt key={name}>{name}</dt>
          <dd>
            <Difference before={old} after={now} />
          </dd>
        </>
      ))}
    </dl>
  );
}
