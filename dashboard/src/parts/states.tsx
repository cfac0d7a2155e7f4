// What stands where data is not: each says what to do.

import type { ComponentChildren } from "preact";
import type { OlderRecords, Place, Problem } from "../api/types.ts";
import { type Live, retryAll } from "../live.ts";
import { Time } from "./time.tsx";

/** With a way to stop it, where it may take long. */
export const Loading = ({ what, children }: { what: string; children?: ComponentChildren }) => (
  <div class="state">
    <p role="status">Loading {what}…</p>
    {children}
  </div>
);

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="state">
    <p class="state-title">{title}</p>
    {children}
  </div>
);

/** What the server said, and a button to try again, by default everything that failed. */
export function Failed({ problem, what, retry = retryAll }: { problem: Problem; what: string; retry?: () => void }) {
  return (
    <div class="state state-bad" role="alert">
      <p class="state-title">
        Failed to load {what}: {problem.title}
        {problem.status ? ` (${problem.status})` : ""}
      </p>
      <p>{problem.detail}</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** What the server said to something that was tried. */
export const Refusal = ({ problem }: { problem: Problem | null }) =>
  problem && (
    <p class="notice notice-bad" role="alert">
      {problem.detail}
    </p>
  );

/** Above data that is shown although a later call failed, or that some FireLogs did not add to. */
export function Notices({ live, incomplete }: { live: Live<unknown>; incomplete?: string[] | undefined }) {
  return (
    <>
      {live.problem && live.data !== undefined && (
        <p class="notice" role="status">
          Out of date: {live.problem.detail} Retrying automatically.
        </p>
      )}
      {incomplete && incomplete.length > 0 && (
        <p class="notice" role="status">
          Incomplete: {incomplete.join(", ")} did not answer. The data shown is correct for the others.
        </p>
      )}
    </>
  );
}

/** That the window reaches beyond what is kept. */
export const OlderNotice = ({ older: { before, archive } }: { older: OlderRecords }) => (
  <p class="notice" role="status">
    Records from before <Time at={before} /> are deleted.{" "}
    {archive ? (
      <>
        Older ones are in the archive at <code>{archive}</code>.
      </>
    ) : (
      "The settings name no archive."
    )}
  </p>
);

/** Of filters that are no mistake for certain, and hardly anything else. */
export const FilterWarnings = ({ warnings }: { warnings: Place[] }) => (
  <>
    {warnings.map(({ place, message }) => (
      <p key={place + message} class="notice" role="status">
        {place.replace("query.", "Filter ")}: {message}
      </p>
    ))}
  </>
);

/** Loading, failed or the data, with what the data is called. */
export function Shown<T>({ live, what, children }: { live: Live<T>; what: string; children: (data: T) => ComponentChildren }) {
  if (live.data !== undefined) {
    return (
      <>
        <Notices live={live} incomplete={(live.data as { incomplete?: string[] }).incomplete} />
        {children(live.data)}
      </>
    );
  }
  if (live.problem) return <Failed problem={live.problem} what={what} />;
  return <Loading what={what} />;
}
