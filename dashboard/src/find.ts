// Where what somebody searches for is shown; or what was looked through without finding it.

import { to } from "./address.ts";
import { get, Refused } from "./api/client.ts";
import type { Page, RequestRecord } from "./api/types.ts";
import type { Sought } from "./sought.ts";

/** A page may be empty and not the last: each reads a million records of every FireLog. */
const MAX_PAGES = 200;

/** As far back as a list goes that shows all of something. */
const ALL = "-90d";

export type Found = { address: string } | { nothing: string };

export async function find({ kind, name }: Sought, signal: AbortSignal): Promise<Found> {
  if (kind === "request") return { address: to(["fires"], { open: name }) };
  if (kind === "anomaly") return { address: to(["anomalies", name]) };
  if (kind === "ray") return ofRay(name, signal);
  if (kind === "digest") return ofDigest(name, signal);
  return ofRule(name, signal);
}

async function ofRay(ray: string, signal: AbortSignal): Promise<Found> {
  const { record, missing } = await newest("requests", { ray }, signal);
  if (record) return { address: to(["fires"], { open: record.id }) };
  return { nothing: `No request has the CF-Ray ${ray} in all that the FireLogs keep${missing}.` };
}

async function ofDigest(digest: string, signal: AbortSignal): Promise<Found> {
  const { record, missing } = await newest("requests", { digest }, signal);
  if (record) return { address: to(["fires"], { all: "yes", digest, since: ALL }) };
  return { nothing: `No request asked for this digest in all that the FireLogs keep${missing}.` };
}

async function ofRule(rule: string, signal: AbortSignal): Promise<Found> {
  if (await isRule(rule, signal)) return { address: to(["rule", rule]) };
  const { record, missing } = await newest("fires", { rule }, signal);
  if (record) return { address: to(["fires"], { rule, since: ALL }) };
  return { nothing: `No rule is called ${rule}, and none of that name fired in all that the FireLogs keep${missing}.` };
}

async function isRule(rule: string, signal: AbortSignal): Promise<boolean> {
  try {
    await get(`rules/${encodeURIComponent(rule)}`, {}, signal);
    return true;
  } catch (error) {
    // A name that no rule of ours can have is refused, not missing.
    if (error instanceof Refused && [400, 404, 422].includes(error.problem.status)) return false;
    throw error;
  }
}

/** The newest record that matches, whatever the window. */
async function newest(path: "requests" | "fires", filter: Record<string, string>, signal: AbortSignal): Promise<{ record?: RequestRecord; missing: string }> {
  const silent = new Set<string>();
  let cursor: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const page: Page<RequestRecord> = await get(path, { ...filter, limit: 1, cursor }, signal);
    for (const name of page.incomplete ?? []) silent.add(name);
    const missing = silent.size > 0 ? `; ${[...silent].join(", ")} did not answer` : "";
    const [record] = page.items;
    if (record) return { record, missing };
    cursor = page.next_cursor;
    if (cursor === null) return { missing };
  }
  return { missing: "; the oldest were not looked at" };
}
