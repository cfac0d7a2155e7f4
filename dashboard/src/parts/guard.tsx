import type { Guard } from "../api/types.ts";
import { count, percent } from "../format.ts";
import { Columns } from "./columns.tsx";
import { Time } from "./time.tsx";

/** What the guard says, or what it has counted so far. */
export const guardWords = (guard: Guard): string => guard.text ?? counted(guard);

const counted = (guard: Guard): string =>
  `${count(guard.denied_clients)} clients denied: ${count(guard.denied_healthy)} healthy before, ${count(guard.denied_unhealthy)} unhealthy, ` +
  `${count(guard.denied_unknown)} unknown`;

/** By word, and by colour beside it; the reason is its title. */
export const GuardBadge = ({ state, words }: { state: Guard["state"]; words?: string | null | undefined }) => (
  <span class={`badge guard-${state}`} {...(words && { title: words })}>
    guard {state}
  </span>
);

/** What it counted: whom the enforcement denied and whom it left alone, and who of them is healthy. */
export const GuardEvidence = ({ guard }: { guard: Guard }) => (
  <details>
    <summary>What the guard has counted since <Time at={guard.since} /></summary>
    <table class="list">
      <Columns names={["Pulls of what the rule fires on", "enforced", "held out"]} />
      <tbody>
        <Arm name="pulls" of={guard} is={(arm) => count(arm.pulls)} />
        <Arm name="that went wrong" of={guard} is={(arm) => shareOf(arm.bad, arm.pulls)} />
        <Arm name="clients" of={guard} is={(arm) => count(arm.clients)} />
        <Arm name="with one that went wrong" of={guard} is={(arm) => shareOf(arm.bad_clients, arm.clients)} />
      </tbody>
    </table>
    {guard.cohorts.length > 0 && (
      <table class="list">
        <Columns names={["Clients that it fires on", "in all", "healthy before", "unhealthy", "unknown"]} />
        <tbody>
          {guard.cohorts.map((cohort) => (
            <tr key={`${cohort.family} ${cohort.os}`} class={cohort.healthy * 2 > cohort.clients ? "harm" : ""}>
              <th scope="row">
                {cohort.family ?? "others"}
                {cohort.os && ` on ${cohort.os}`}
              </th>
              <td>{count(cohort.clients)}</td>
              <td>{count(cohort.healthy)}</td>
              <td>{count(cohort.unhealthy)}</td>
              <td>{count(cohort.unknown)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </details>
);

type Arms = Guard["harm"];

const Arm = ({ name, of, is }: { name: string; of: Guard; is: (arm: Arms["enforced"]) => string }) => (
  <tr>
    <th scope="row">{name}</th>
    <td>{is(of.harm.enforced)}</td>
    <td>{is(of.harm.held_out)}</td>
  </tr>
);

const shareOf = (part: number, whole: number): string => (whole === 0 ? "none" : `${count(part)} (${percent(part / whole)})`);
