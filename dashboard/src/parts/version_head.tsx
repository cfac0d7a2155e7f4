// Of a version of something: its number, when, by whom and why it was written, and from which revision to which it was valid.

import { visibleText } from "../api/client.ts";
import { Time } from "./time.tsx";

interface Version {
  version: number;
  time: string;
  actor: string;
  reason?: string | null;
  since_revision: number;
  until_revision: number | null;
}

/** `said` stands beside the number. */
export const VersionHead = ({ of, said = "" }: { of: Version; said?: string }) => (
  <>
    <strong>version {of.version}</strong> {said && `${said} `}
    <Time at={of.time} seconds /> by {of.actor}
    {of.reason && ` “${visibleText(of.reason)}”`} <span class="faint">revision {of.since_revision}</span>
    {of.until_revision !== null && <span class="faint">, until revision {of.until_revision}</span>}
  </>
);
