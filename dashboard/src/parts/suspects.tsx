// The rules that correlate with an anomaly, each with its button, or with who put it back already; and what else was done.

import { to } from "../address.ts";
import type { Anomaly } from "../api/types.ts";
import { operatesSomewhere } from "../session.ts";
import { Link } from "./link.tsx";
import { isUpstream, RuleName } from "./origin.tsx";
import { Time } from "./time.tsx";

type Suspect = Anomaly["rules"][number];

export function SuspectButton({ suspect, choose }: { suspect: Suspect; choose: (rule: string) => void }) {
  if (isUpstream(suspect.rule)) {
    return (
      <span class="done">
        <RuleName rule={suspect.rule} /> is another party's: the report has the call that sets it to log.
      </span>
    );
  }
  if (!suspect.taken_back) {
    return (
      <button type="button" class="danger" disabled={!operatesSomewhere.value} onClick={() => choose(suspect.rule)}>
        Put {suspect.rule} to monitor
      </button>
    );
  }
  return (
    <span class="done">
      {suspect.rule} was taken back at <Time at={suspect.taken_back.time} seconds /> by {suspect.taken_back.by}.{" "}
      <Link to={to(["rules"])}>Change it</Link>
    </span>
  );
}

/** What was done since, and how the rate fell. */
export function Responses({ anomaly }: { anomaly: Anomaly }) {
  const responses = anomaly.responses ?? [];
  if (responses.length === 0) return null;
  return (
    <ul class="plain responses" aria-label="What was done">
      {responses.map((response) => (
        <li key={`${response.time}${response.text}`}>{response.sentence}</li>
      ))}
    </ul>
  );
}
