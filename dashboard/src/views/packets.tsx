// What packets that another party drops have in common, beside those that pass: they never become requests.

import { get, visibleText } from "../api/client.ts";
import type { PacketFinding, Packets as Answer } from "../api/types.ts";
import { cohortWords, count, percent } from "../format.ts";
import { useLive } from "../live.ts";
import { Columns } from "../parts/columns.tsx";
import { RuleName } from "../parts/origin.tsx";
import { Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

/** An answer costs the Detector up to a second. */
const EVERY_MS = 60_000;

interface Props {
  /** Milliseconds; the last hour unless given. */
  window?: { since: number; until: number };
}

/** Nothing where nobody told of packets in that time. */
export function Packets({ window }: Props) {
  const query = window ? { since: new Date(window.since).toISOString(), until: new Date(window.until).toISOString() } : {};
  const live = useLive(JSON.stringify(["packets", query]), (signal) => get<Answer>("packets", query, signal), EVERY_MS);
  return (
    <Shown live={live} what="the packets">
      {(answer) => (answer.passed_samples === 0 && answer.rules.length === 0 ? null : <Findings answer={answer} />)}
    </Shown>
  );
}

const Findings = ({ answer }: { answer: Answer }) => (
  <section class="card" aria-labelledby="packets">
    <h2 id="packets">Packets</h2>
    <p class="faint">
      Sampled by the party that drops them, from <Time at={answer.since} seconds /> to <Time at={answer.until} seconds />: what those that are dropped have in common, beside those that pass
      at the same destinations and data centres.
    </p>
    {answer.rules.length === 0 ? (
      <p>Nothing was dropped; {count(answer.passed)} packets passed.</p>
    ) : (
      <div class="scroller" tabIndex={0} role="region" aria-label="Dropped packets">
        <table class="list">
          <Columns names={["Rule", "Packets", "In common", "Of those it drops", "Of those that pass"]} />
          <tbody>
            {answer.rules.map((finding) => (
              <Finding key={`${finding.rule} ${finding.outcome}`} finding={finding} />
            ))}
          </tbody>
        </table>
      </div>
    )}
    {answer.unplaced > 0 && <p class="faint">{count(answer.unplaced)} samples found no room and are in no count.</p>}
  </section>
);

const Finding = ({ finding }: { finding: PacketFinding }) => (
  <tr>
    <td>
      <RuleName rule={visibleText(finding.rule)} /> {visibleText(finding.words)}
    </td>
    <td>
      {count(finding.packets)} {finding.outcome}
      {places(finding)}
    </td>
    <td>{finding.cohort === null ? <span class="faint">nothing that tells them apart</span> : cohortWords(finding.cohort)}</td>
    <td>
      <Share value={finding.share} label="dropped" isKnown={finding.cohort !== null} />
    </td>
    <td>
      <Share value={finding.passed_share} label="passed" isKnown={finding.cohort !== null} />
    </td>
  </tr>
);

/** Where it drops; nothing where that is everywhere. */
function places({ destinations, colos }: PacketFinding): string {
  const where = [...destinations, ...colos].map(visibleText);
  return where.length === 0 ? "" : ` at ${where.join(", ")}`;
}

const Share = ({ value, label, isKnown }: { value: number; label: "dropped" | "passed"; isKnown: boolean }) =>
  isKnown ? (
    <>
      <progress class={`packets-${label}`} value={value} max={1} aria-label={`Share of packets that were ${label}`} /> {percent(value)}
    </>
  ) : (
    <>–</>
  );
