// Calls of the API in the session of this browser. An answer that did not change since the last call of the same address is
// taken from memory (`ETag`): what is shown then stays as it is.

import type { Problem } from "./types.ts";

const API = "/_blobwatch/api/v1/";

/** Answers that are kept for `If-None-Match`; a view polls one to three addresses. */
const MAX_KEPT = 24;

/** How long a call may take; the API answers in milliseconds, a search over all FireLogs in seconds. */
const PATIENCE_MS = 60_000;

const MARKS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const kept = new Map<string, { etag: string; value: unknown }>();

/** A call that was refused, or that did not arrive (`status` 0). */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** What `csrf` changing calls repeat, and who hears that the session is over; `session.ts` sets both. */
export const credentials = { csrf: "", ended: () => {} };

export type Query = Record<string, string | number | string[] | undefined | null>;

/** The part after `?`, without what is empty. */
export function queryText(query: Query): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") pairs.append(name, String(one));
    }
  }
  const text = pairs.toString();
  return text && `?${text}`;
}

export const apiAddress = (path: string, query: Query = {}): string => API + path + queryText(query);

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  send<T>("GET", apiAddress(path, query), undefined, signal && { signal });

/** As it was stored: what is to be written back must not be changed by how it is shown. */
export const getRaw = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  send<T>("GET", apiAddress(path, query), undefined, { ...(signal && { signal }), isRaw: true });

export const getText = async (path: string, signal?: AbortSignal): Promise<string> =>
  (await reach("GET", apiAddress(path), {}, undefined, signal)).text();

const writtenOut = (mark: string): string => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Marks of writing direction, written out in JSON: what somebody sends must not turn round what stands beside it. */
export const visible = (json: string): string => json.replace(MARKS, (mark) => `\\${writtenOut(mark)}`);

/** The same in text that is not JSON. */
export const visibleText = (text: string): string => text.replace(MARKS, writtenOut);

export const change = <T>(method: "PUT" | "POST" | "DELETE", path: string, body?: unknown, query: Query = {}, more: More = {}): Promise<T> =>
  send<T>(method, apiAddress(path, query), body, more);

/** What few calls need. */
export interface More {
  signal?: AbortSignal;
  /** Revision that the change is based on. */
  ifMatch?: number;
  /** As it was stored, marks of direction too: for what is written back. */
  isRaw?: boolean;
}

/** Any address of ours with JSON in both directions. */
export async function send<T>(method: string, address: string, body?: unknown, { signal, ifMatch, isRaw }: More = {}): Promise<T> {
  const headers: Record<string, string> = {};
  const key = isRaw ? `raw ${address}` : address;
  const known = method === "GET" ? kept.get(key) : undefined;
  if (known) headers["If-None-Match"] = known.etag;
  if (method !== "GET") headers["Blobwatch-Csrf"] = credentials.csrf;
  if (ifMatch !== undefined) headers["If-Match"] = `"${ifMatch}"`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await reach(method, address, headers, body, signal);
  if (answer.status === 304 && known) return known.value as T;
  const text = isRaw ? await answer.text() : visible(await answer.text());
  const value = (text === "" ? undefined : JSON.parse(text)) as T;
  const etag = answer.headers.get("ETag");
  if (method === "GET" && etag) keep(key, etag, value);
  return value;
}

async function reach(
  method: string,
  address: string,
  headers: Record<string, string>,
  body: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  const request: RequestInit = {
    method,
    headers,
    credentials: "same-origin",
    cache: "no-store",
    // Nothing of ours redirects: Cloudflare Access does, to where one signs in.
    redirect: "manual",
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  };
  if (body !== undefined) request.body = JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(address, request);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(unreachable(limit.aborted));
  }
  if (answer.ok || answer.status === 304) return answer;
  if (answer.type === "opaqueredirect") {
    credentials.ended();
    throw new Refused(ledAway);
  }
  const problem = await readProblem(answer);
  if (answer.status === 401) credentials.ended();
  throw new Refused(problem);
}

function keep(address: string, etag: string, value: unknown): void {
  kept.delete(address);
  kept.set(address, { etag, value });
  if (kept.size <= MAX_KEPT) return;
  const oldest = kept.keys().next();
  if (!oldest.done) kept.delete(oldest.value);
}

async function readProblem(answer: Response): Promise<Problem> {
  const told = (await answer.json().catch(() => null)) as Partial<Problem> | null;
  return {
    type: told?.type ?? "about:blank",
    title: told?.title ?? `HTTP ${answer.status}`,
    status: answer.status,
    detail: told?.detail ?? "The answer did not come from Blobwatch but from something in front of it.",
    ...(told?.errors && { errors: told.errors }),
  };
}

const unreachable = (isLate: boolean): Problem => ({
  type: "about:blank",
  title: isLate ? "Timed out" : "Not reachable",
  status: 0,
  detail: isLate
    ? `No answer after ${PATIENCE_MS / 1000} s. A narrower window or more filters make the search faster.`
    : "This browser cannot reach Blobwatch. Pulls do not depend on this page.",
});

const ledAway: Problem = {
  type: "about:blank",
  title: "Redirected",
  status: 0,
  detail: "Something in front of Blobwatch, such as Cloudflare Access, asks you to sign in: reload this page.",
};

/** A sentence for a person, whatever was thrown. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  return { type: "about:blank", title: "Error in this page", status: 0, detail: error instanceof Error ? error.message : String(error) };
}
