// The pictures of README and docs: July 2020 as it was, before the registry and before the CDN's host. By hand, beside
//
//     cargo xtask demo --stay --by-hand
//
// begun a moment ago, which prints where it is, in .dev.vars the token:
//
//     EDGE=http://127.0.0.1:8788 OPERATOR=<the token> node dashboard/test/browser/pictures.ts
//
// On `cargo xtask dev`, before its first pull, it takes the picture of that.

import { join } from "node:path";
import type { Browser } from "playwright-core";
import { until } from "../hang.ts";
import { DESKTOP, launch, PHONE } from "./chromium.ts";
import { api, type Items, OPERATOR, PAGE, signedIn } from "./worker.ts";

const FOLDER = join(import.meta.dirname, "../../../docs/images");

/** What the demo asks for, as `xtask/src/demo/operator.rs` has it. */
const RULE = "bucket-amzn2";
const EXPRESSION = 'client.os eq "amzn2"';

/** The demo plays what is learnt first. */
const PLAYED_MS = 30 * 60_000;

/** After which the plots have whole minutes of it. */
const SEEN_MS = 150_000;

interface Anomaly {
  id: string;
  onset: string;
  sentence: string;
}

async function picture(browser: Browser, name: string, path: string, height: number, options: object = {}): Promise<void> {
  const { page, close } = await signedIn(browser, OPERATOR, path, { viewport: { ...DESKTOP, height }, ...options });
  await page.waitForFunction(() => !/Loading |Verifying|ing…$/m.test(document.querySelector("main")?.innerText ?? "Loading …"));
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await close();
}

/** A demo begins with its pulls; a deployment for development offers to play. */
async function isFirstStart(): Promise<boolean> {
  const offers = await fetch(`${PAGE}api/v1/demo/play`, { headers: { Authorization: `Bearer ${OPERATOR}` } });
  return offers.ok && (await api<Items>("requests?limit=1")).items.length === 0;
}

/** The open anomaly that is about the machines, once its minutes are whole. */
async function opened(): Promise<Anomaly> {
  const ask = async () => {
    const { items } = await api<Items<Anomaly>>("anomalies?status=open");
    return items.find(({ sentence, onset }) => sentence.includes("amzn2") && Date.now() > Date.parse(onset) + SEEN_MS);
  };
  return until("an anomaly about Amazon Linux", ask, PLAYED_MS);
}

async function whileItLasts(browser: Browser, { id, onset }: Anomaly): Promise<void> {
  const before = new Date(Date.parse(onset) - 6 * 60_000).toISOString();
  await picture(browser, "now", "", 700);
  await picture(browser, "phone", "", PHONE.height, { viewport: PHONE, colorScheme: "dark" });
  await picture(browser, "anomaly", `anomalies/${id}`, 900);
  await picture(browser, "timeline", `timeline?since=${before}`, 900, { colorScheme: "dark" });
  await picture(browser, "cohorts", `cohorts?since=${onset}&anomaly=${id}`, 700);
  await picture(browser, "rules", "rules", 700);
  await picture(browser, "fires", "fires?all=yes&os=amzn2&since=-1h", 640, { colorScheme: "dark" });
}

/** The rule is switched on the page, as somebody does who has seen whom it would hit. */
async function end(browser: Browser, anomaly: Anomaly): Promise<void> {
  const { page, close } = await signedIn(browser, OPERATOR, `rules?rule=${RULE}&route=default`);
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^enforce/ }).check();
  await dialog.getByLabel("Reason, for the audit log").fill(`${anomaly.id}: the CDN does not serve them`);
  await dialog.getByRole("button", { name: "Who would be hit?" }).click();
  const enforce = dialog.getByRole("button", { name: "Enforce: detour" });
  await until("the preview is done", () => enforce.isEnabled());
  await enforce.click();
  await page.getByText(/All \d+ FireLogs have the change/).waitFor();
  await close();
}

const browser = await launch();
if (await isFirstStart()) {
  await picture(browser, "first", "", 420);
  process.exit();
}
const anomaly = await opened();
await api(`rules/${RULE}`, "PUT", { description: "Amazon Linux machines, to the bucket", expression: EXPRESSION, action: "detour" });
await whileItLasts(browser, anomaly);
await end(browser, anomaly);
await picture(browser, "audit", "audit", 420);
await browser.close();
