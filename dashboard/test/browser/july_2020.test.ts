// 5 July 2020, from the first page to the last: played, found, shown, and ended by the person at the page. It takes as long as the
// play, some fifteen minutes, so it is run by hand, on an empty deployment of `cargo xtask dev`:
//
//     EDGE=http://127.0.0.1:8787 OPERATOR=<the token> node --test dashboard/test/browser/july_2020.test.ts
//
// With SCREENS=yes it takes the pictures of docs/dashboard.md on the way.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, launch, open, PHONE } from "./chromium.ts";

const EDGE = process.env["EDGE"] ?? "http://127.0.0.1:8787";
const OPERATOR = process.env["OPERATOR"] ?? "";
const FOLDER = join(import.meta.dirname, "../../../docs/images");
const RULE = "botnet-sig";

const MINUTE_MS = 60_000;

interface Anomaly {
  id: string;
  status: string;
  onset: string;
  opened: string;
  closed: string | null;
  sentence: string;
  rules: { rule: string; mode_changed: string | null }[];
}

async function api<T>(path: string): Promise<T> {
  const answer = await fetch(`${EDGE}/_blobwatch/api/v1/${path}`, { headers: { Authorization: `Bearer ${OPERATOR}` } });
  assert.equal(answer.status, 200, `${path}: ${answer.status}`);
  return answer.json() as Promise<T>;
}

/** Resumes, repeats and restarts a minute in the last minutes that are whole. */
async function stuck(minutes: number): Promise<number> {
  const timeline = await api<{ series: { kinds: Record<string, number[]> }[] }>("timeline?since=-15m&step=60&os=amzn2");
  const kinds = ["resume", "repeat", "restart"].flatMap((kind) => timeline.series.map((series) => (series.kinds[kind] ?? []).slice(-1 - minutes, -1)));
  return kinds.flat().reduce((a, b) => a + b, 0) / minutes;
}

async function signIn(page: Page, path = ""): Promise<void> {
  await page.goto(`${EDGE}/_blobwatch/${path}`);
  await page.getByLabel("Token").fill(OPERATOR);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

async function picture(browser: Browser, name: string, path: string, height: number, options: object = {}): Promise<void> {
  if (!process.env["SCREENS"]) return;
  await mkdir(FOLDER, { recursive: true });
  const { page, close } = await open(browser, { viewport: { ...DESKTOP, height }, ...options });
  await signIn(page, path);
  await page.waitForFunction(() => !document.body.innerText.includes("Loading "));
  await page.waitForTimeout(2_000);
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await close();
}

async function until<T>(what: string, limit: number, ask: () => Promise<T | null | undefined | false>): Promise<T> {
  const end = Date.now() + limit;
  while (Date.now() < end) {
    const found = await ask();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }
  throw new Error(`${what}: not within ${limit / MINUTE_MS} minutes`);
}

test("July 2020 is found, shown, and ended from the page", { timeout: 45 * MINUTE_MS }, async () => {
  const browser = await launch();
  const { page, faults } = await open(browser);
  await signIn(page);
  const begun = await api<{ status: string }>("demo/play");
  if (begun.status === "idle") {
    await picture(browser, "first", "", 620);
    await page.getByRole("button", { name: "Play July 2020" }).click();
  }

  const anomaly = await until("an anomaly", 20 * MINUTE_MS, async () => {
    const { items } = await api<{ items: Anomaly[] }>("anomalies?status=open");
    return items.find((one) => one.rules.some(({ rule }) => rule === RULE));
  });
  const switched = anomaly.rules.find(({ rule }) => rule === RULE)?.mode_changed;
  console.log(`found: ${anomaly.sentence}`);
  if (switched) console.log(`${(Date.parse(anomaly.opened) - Date.parse(switched)) / 1000} s after the rule was enforced`);

  const since = new Date(Date.parse(anomaly.onset) - 6 * MINUTE_MS).toISOString();
  const onset = new Date(Date.parse(anomaly.onset)).toISOString();
  await page.getByText(anomaly.id).or(page.getByRole("button", { name: `Put ${RULE} to monitor` })).first().waitFor({ timeout: MINUTE_MS });
  await picture(browser, "now", "", 520);
  await picture(browser, "phone", "", PHONE.height, { viewport: PHONE, colorScheme: "dark" });
  await picture(browser, "anomaly", `anomalies/${anomaly.id}`, 900);
  await picture(browser, "timeline", `timeline?since=${since}`, 900, { colorScheme: "dark" });
  await picture(browser, "cohorts", `cohorts?since=${onset}&anomaly=${anomaly.id}`, 700);
  await picture(browser, "rules", "rules", 760);
  await picture(browser, "fires", `fires?rule=${RULE}&since=-1h`, 640, { colorScheme: "dark" });

  await page.goto(`${EDGE}/_blobwatch/cohorts?since=${onset}&anomaly=${anomaly.id}`);
  await page.locator("td.outlined").first().waitFor();
  const during = await stuck(2);

  await page.goto(`${EDGE}/_blobwatch/`);
  await page.getByRole("button", { name: `Put ${RULE} to monitor` }).click();
  await page.getByRole("dialog").getByText("enforce").first().waitFor();
  await page.getByRole("button", { name: "Put to monitor", exact: true }).click();
  await page.getByText(/All \d+ FireLogs have it/).waitFor();
  if (process.env["SCREENS"]) await page.screenshot({ path: join(FOLDER, "arrived.png"), clip: { x: 0, y: 0, width: 1440, height: 520 } });
  const pressed = Date.now();
  await page.keyboard.press("Escape");

  const closed = await until("the anomaly closes", 15 * MINUTE_MS, async () => {
    const found = await api<Anomaly>(`anomalies/${anomaly.id}`);
    return found.status === "closed" && found;
  });
  const after = await stuck(2);
  console.log(`closed ${Math.round((Date.parse(closed.closed ?? "") - pressed) / 1000)} s after the switch; stuck requests of amzn2 a minute: ${during} then, ${after} now`);
  assert.ok(after < during / 2, `${during} a minute, then ${after}`);
  await page.getByText("Nothing is wrong that the detector can see.").waitFor({ timeout: MINUTE_MS });
  await page.getByRole("heading", { name: "Closed in the last 24 hours" }).waitFor();
  await picture(browser, "audit", "audit", 420);
  assert.deepEqual(faults, []);
  await browser.close();
});
