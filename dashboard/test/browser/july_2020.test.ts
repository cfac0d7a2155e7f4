// 5 July 2020, from the first page to the last: found, shown, and ended by the person at the page.
//
// tests/e2e/july_2020.rs plays it in three minutes, after a past that was put in. `cargo xtask dev` plays it from its first pull on,
// in a quarter of an hour; on an empty deployment of it, by hand:
//
//     EDGE=http://127.0.0.1:8787 OPERATOR=<the token> node --test dashboard/test/browser/july_2020.test.ts
//
// With SCREENS=yes it takes the pictures of docs/dashboard.md on the way.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, launch, PHONE } from "./chromium.ts";
import { api, type Items, OPERATOR, PAGE, signedIn, until } from "./worker.ts";

const FOLDER = join(import.meta.dirname, "../../../docs/images");
const RULE = "botnet-sig";

/** An anomaly of some hundred requests a minute is to be open within two minutes (docs/detection.md). */
const DETECTED_S = 120;

/** What is learnt first when `cargo xtask dev` plays it, and how long its evidence of health may take. */
const PLAYED = { learning_s: 600, closing_s: 900 };
const PREPARED = { learning_s: 60, closing_s: 180 };

interface Anomaly {
  id: string;
  status: string;
  onset: string;
  opened: string;
  closed: string | null;
  sentence: string;
  cohort: { attribute: string; values: string[] }[];
  rules: { rule: string; mode_changed: string | null }[];
}

interface Mode {
  rule: string;
  mode: string;
  time: string;
}

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

/** Requests of Amazon Linux in a window that resume or repeat; hosts that pull again restart on a good day, too. */
async function stuck(since: number, ends: number): Promise<number> {
  const query = new URLSearchParams({ by: "range", os: "amzn2", since: rfc3339(since), until: rfc3339(ends) });
  const { groups } = await api<{ groups: { range: string; requests: number }[] }>(`requests/summary?${query}`);
  return groups.filter(({ range }) => ["resume", "repeat"].includes(range)).reduce((sum, { requests }) => sum + requests, 0);
}

async function picture(browser: Browser, name: string, path: string, height: number, options: object = {}): Promise<void> {
  if (!process.env["SCREENS"]) return;
  await mkdir(FOLDER, { recursive: true });
  const { page, close } = await signedIn(browser, OPERATOR, path, { viewport: { ...DESKTOP, height }, ...options });
  await page.waitForFunction(() => !document.body.innerText.includes("Loading "));
  await page.waitForTimeout(2_000);
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await close();
}

/** The rule goes from monitor to enforce, as that night: at once for everybody, with no guard. Answers when. */
async function begin(browser: Browser, page: Page, isPlayed: boolean): Promise<number> {
  if (!isPlayed) {
    await page.getByText("Nothing is wrong that the detector can see.").waitFor();
    await api(`rules/${RULE}/modes/default`, "PUT", { mode: "enforce", reason: "monitored for long enough", force: true, guard: "off" });
    return Date.now();
  }
  const play = await api<{ status: string }>("demo/play");
  if (play.status === "idle") {
    await picture(browser, "first", "", 420);
    await page.getByRole("button", { name: "Play July 2020" }).click();
  }
  const enforced = await until("the rule is enforced", PLAYED.learning_s, async () => {
    const { items } = await api<Items<Mode>>("modes");
    return items.find(({ rule, mode }) => rule === RULE && mode === "enforce");
  });
  return Date.parse(enforced.time);
}

/** Everything that the docs show, while it lasts. */
async function pictures(browser: Browser, anomaly: Anomaly): Promise<void> {
  const since = rfc3339(Date.parse(anomaly.onset) - 6 * 60_000);
  await picture(browser, "now", "", 700);
  await picture(browser, "phone", "", PHONE.height, { viewport: PHONE, colorScheme: "dark" });
  await picture(browser, "anomaly", `anomalies/${anomaly.id}`, 900);
  await picture(browser, "timeline", `timeline?since=${since}`, 900, { colorScheme: "dark" });
  await picture(browser, "cohorts", `cohorts?since=${anomaly.onset}&anomaly=${anomaly.id}`, 700);
  await picture(browser, "rules", "rules", 760);
  await picture(browser, "fires", `fires?rule=${RULE}&since=-1h`, 640, { colorScheme: "dark" });
}

test("July 2020 is found, shown, and ended from the page", { timeout: 45 * 60_000 }, async () => {
  const browser = await launch();
  try {
    await night(browser);
  } finally {
    await browser.close();
  }
});

async function night(browser: Browser): Promise<void> {
  const { page, faults } = await signedIn(browser, OPERATOR);
  const isPlayed = await page.evaluate(async () => ((await (await fetch("/_blobwatch/session")).json()) as { capabilities: { demo: boolean } }).capabilities.demo);
  const limits = isPlayed ? PLAYED : PREPARED;
  const enforced = await begin(browser, page, isPlayed);

  // The page says it by itself: in one sentence, with the rule.
  let open: Anomaly[] = [];
  const anomaly = await until("an anomaly that the rule goes with", 2 * DETECTED_S, async () => {
    ({ items: open } = await api<Items<Anomaly>>("anomalies?status=open"));
    return open.find(({ rules }) => rules.some(({ rule }) => rule === RULE));
  }).catch(async (error: unknown) => {
    throw new Error(`${error}; stuck requests of amzn2 in the last minute: ${await stuck(Date.now() - 60_000, Date.now())}; open: ${JSON.stringify(open)}`);
  });
  const put = page.getByRole("button", { name: `Put ${RULE} to monitor` });
  await put.first().waitFor();
  const delay_s = (Date.parse(anomaly.opened) - enforced) / 1_000;
  console.log(`open ${delay_s} s after the rule was enforced: ${anomaly.sentence}`);
  assert.ok(delay_s <= DETECTED_S, `${delay_s} s`);
  await page.getByText(anomaly.sentence).first().waitFor();
  assert.match(await page.title(), /^\(\d\) Now/);
  await pictures(browser, anomaly);

  // Its cohort is outlined among the others, and it is the machines that hang.
  await page.goto(`${PAGE}anomalies/${anomaly.id}`);
  await page.getByRole("main").getByRole("link", { name: "Cohorts" }).click();
  await page.locator("td.outlined").first().waitFor();
  const { outlined, others } = await page.evaluate(() => ({
    outlined: document.querySelectorAll("td.outlined").length,
    others: document.querySelectorAll(".heat td:not(.outlined)").length,
  }));
  console.log(`outlined: ${outlined} cells of ${outlined + others}`);
  assert.ok(others > 0, "not everybody is outlined");
  const amazon = await until("records of Amazon Linux", 30, async () => (await api<Items<Record<string, unknown>>>("requests?os=amzn2&limit=1")).items[0]);
  for (const { attribute, values } of anomaly.cohort.filter((part) => !("not" in part) && part.attribute !== "colo")) {
    assert.ok(values.includes(String(amazon[attribute])), `${attribute} ${values.join(", ")} is Amazon Linux`);
  }

  // Two clicks and a key end it.
  await page.goto(PAGE);
  await put.first().click();
  await page.getByRole("dialog").getByText("enforce").first().waitFor();
  const pressed = Date.now();
  await page.keyboard.press("Enter");
  await page.getByText(/All \d+ FireLogs have it/).waitFor();
  const arrived = Date.now();
  if (process.env["SCREENS"]) await page.getByRole("dialog").screenshot({ path: join(FOLDER, "arrived.png") });
  await page.keyboard.press("Escape");

  // Half a minute before and half a minute after, once those that hung have given up.
  const [before, after] = [pressed - 30_000, arrived + 20_000];
  await until("half a minute has passed", 120, async () => Date.now() > after + 35_000);
  const [during, since] = [await stuck(before, before + 30_000), await stuck(after, after + 30_000)];
  console.log(`known to all ${arrived - pressed} ms after the key; stuck requests of amzn2 in half a minute: ${during} then, ${since} now`);
  assert.ok(during >= 10 && since <= during / 4, `${during}, then ${since}`);

  const closed = await until("the anomaly closes", limits.closing_s, async () => {
    const found = await api<Anomaly>(`anomalies/${anomaly.id}`);
    return found.status === "closed" && found;
  });
  console.log(`closed ${Math.round((Date.parse(closed.closed ?? "") - pressed) / 1_000)} s after the key`);
  await page.getByText("Nothing is wrong that the detector can see.").waitFor({ timeout: 60_000 });
  await page.getByRole("heading", { name: "Closed in the last 24 hours" }).waitFor({ timeout: 60_000 });
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText(`“${anomaly.id}: `).first().waitFor();
  await picture(browser, "audit", "audit", 420);
  assert.deepEqual(faults, []);
}
