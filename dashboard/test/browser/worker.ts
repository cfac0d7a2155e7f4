// A real worker as these tests reach it: who signs in, who pulls, and the API beside the page.
// tests/e2e/*.rs start it and say in the environment where it is.

import type { Browser, BrowserContextOptions } from "playwright-core";
import { open, type Opened } from "./chromium.ts";

export const env = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this through \`cargo test --test e2e\``);
  return value;
};

export const EDGE = env("EDGE");
export const PAGE = `${EDGE}/_blobwatch/`;
export const OPERATOR = env("OPERATOR");

export interface Client {
  agent: string;
  colo: string;
  ip: string;
}

export const CURL: Client = { agent: "curl/8.0.1", colo: "AMS", ip: "192.0.2.10" };

/** The answer to a pull of a path through the worker. */
export async function pull(path: string, { agent, colo, ip }: Client): Promise<Response> {
  const place = { colo, country: "NL", asn: 64500, clientIp: ip };
  const answer = await fetch(EDGE + path, { headers: { "CF-Blob": JSON.stringify(place), "User-Agent": agent } });
  await answer.arrayBuffer();
  return answer;
}

export async function signedIn(browser: Browser, token: string, path = "", options: BrowserContextOptions = {}): Promise<Opened> {
  const opened = await open(browser, options);
  await opened.page.goto(PAGE + path);
  await opened.page.getByLabel("Token").fill(token);
  await opened.page.getByRole("button", { name: "Sign in" }).click();
  await opened.page.getByRole("button", { name: "Sign out", exact: true }).waitFor();
  return opened;
}

/** A call of the operator beside the page. */
export async function api<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const headers = { Authorization: `Bearer ${OPERATOR}`, "Content-Type": "application/json" };
  const answer = await fetch(`${PAGE}api/v1/${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json() as Promise<T>;
}

export interface Items<T = Record<string, unknown>> {
  items: T[];
}
