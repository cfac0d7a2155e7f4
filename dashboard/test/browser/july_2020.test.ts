// 5 July 2020, from the first page to the last: found, shown, and ended by the person at the page.
//
// tests/e2e/july_2020.rs plays it in three minutes, after a past that was put in. `cargo xtask dev` plays it from its first pull on,
// in a quarter of an hour; on an empty deployment of it, by hand:
//
//     EDGE=http://127.0.0.1:8787 OPERATOR=<the token> node --test dashboard/test/browser/july_2020.test.ts
//
// With SCREENS=yes it takes the picture of a change that has arrived; the others are taken by pictures.ts.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { HANG_MS, until } from "../hang.ts";
import { launch } from "./chromium.ts";
import { api, type Items, OPERATOR, PAGE, signedIn } from "./worker.ts";

const RULE = "botnet-sig";

const ARRIVED = join(import.meta.dirname, "../../../docs/images/arrived.png");

/** `cargo xtask dev` plays what is learnt first in ten minutes, and the evidence of health in fifteen. */
const PLAYED_MS = 3 * HANG_MS;

/** Requests of the cohort that are looked at before the key and after it: some fifty seconds of them. */
const LOOKED_AT = 200;

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

/** Requests of Amazon Linux that resume or repeat, of the newest; hosts that pull again restart on a good day, too. */
async function stuck(): Promise<number> {
  const { items } = await api<Items<{ range: { kind: string } }>>(`requests?os=amzn2&limit=${LOOKED_AT}`);
  return items.filter(({ range }) => ["resume", "repeat"].includes(range.kind)).length;
}

/** The rule goes from monitor to enforce, as that night: at once for everybody, with no guard. Answers when. */
async function begin(page: Page, isPlayed: boolean): Promise<number> {
  if (!isPlayed) {
    await page.getByText("The detector sees no fault.").waitFor();
    await api(`rules/${RULE}/modes/default`, "PUT", { mode: "enforce", reason: "monitored for long enough", force: true, guard: "off" });
    return Date.now();
  }
  const play = await api<{ status: string }>("demo/play");
  if (play.status === "idle") {
    await page.getByRole("button", { name: "Play July 2020" }).click();
  }
  const enforced = await until(
    "the rule is enforced",
    async () => {
      const { items } = await api<Items<Mode>>("modes");
      return items.find(({ rule, mode }) => rule === RULE && mode === "enforce");
    },
    PLAYED_MS,
  );
  return Date.parse(enforced.time);
}

test("July 2020 is found, shown, and ended from the page", async () => {
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
  const enforced = await begin(page, isPlayed);

  // The page says it by itself: in one sentence, with the rule.
  let open: Anomaly[] = [];
  const anomaly = await until("an anomaly that the rule goes with", async () => {
    ({ items: open } = await api<Items<Anomaly>>("anomalies?status=open"));
    return open.find(({ rules }) => rules.some(({ rule }) => rule === RULE));
  }).catch(async (error: unknown) => {
    throw new Error(`${error}; stuck of the newest requests of amzn2: ${await stuck()}; open: ${JSON.stringify(open)}`);
  });
  const put = page.getByRole("button", { name: `Put ${RULE} to monitor` });
  await put.first().waitFor();
  console.log(`open ${(Date.parse(anomaly.opened) - enforced) / 1_000} s after the rule was enforced: ${anomaly.sentence}`);
  await page.getByText(anomaly.sentence).first().waitFor();
  assert.match(await page.title(), /^\(\d\) Now/);

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
  const amazon = await until("records of Amazon Linux", async () => (await api<Items<Record<string, unknown>>>("requests?os=amzn2&limit=1")).items[0]);
  for (const { attribute, values } of anomaly.cohort.filter((part) => !("not" in part) && part.attribute !== "colo")) {
    assert.ok(values.includes(String(amazon[attribute])), `${attribute} ${values.join(", ")} is Amazon Linux`);
  }

  // Two clicks and a key end it.
  await page.goto(PAGE);
  await put.first().click();
  await page.getByRole("dialog").getByText("enforce").first().waitFor();
  const [during, pressed] = [await stuck(), Date.now()];
  await page.keyboard.press("Enter");
  await page.getByText(/All \d+ FireLogs have the change/).waitFor();
  console.log(`known to all FireLogs ${Date.now() - pressed} ms after the key`);
  if (process.env["SCREENS"]) await page.getByRole("dialog").screenshot({ path: ARRIVED });
  await page.keyboard.press("Escape");

  // Those that hung have given up, and nobody else hangs.
  assert.ok(during >= 10, `${during} stuck`);
  const since = await until("a quarter of them is stuck, or fewer", async () => {
    const now = await stuck();
    return now <= during / 4 && { stuck: now };
  });
  console.log(`stuck of ${LOOKED_AT} requests of amzn2: ${during} then, ${since.stuck} now`);

  const closed = await until(
    "the anomaly closes",
    async () => {
      const found = await api<Anomaly>(`anomalies/${anomaly.id}`);
      return found.status === "closed" && found;
    },
    isPlayed ? PLAYED_MS : HANG_MS,
  );
  console.log(`closed ${Math.round((Date.parse(closed.closed ?? "") - pressed) / 1_000)} s after the key`);
  await page.getByText("The detector sees no fault.").waitFor();
  await page.getByRole("heading", { name: "Closed in the last 24 hours" }).waitFor();
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText(`“${anomaly.id}: `).first().waitFor();
  assert.deepEqual(faults, []);
}
