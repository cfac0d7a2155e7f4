// The pictures of docs/dashboard.md, from a worker that runs: node dashboard/test/screens.ts ADDRESS TOKEN [NAME…]
// ADDRESS is that of `cargo xtask dev`, TOKEN the one it prints, after July 2020 was played.

import { join } from "node:path";
import { DESKTOP, launch, open, PHONE } from "./browser/chromium.ts";

const [edge, token, ...only] = process.argv.slice(2);
if (!edge || !token) throw new Error("expected ADDRESS and TOKEN");

const FOLDER = join(import.meta.dirname, "../../docs/images");

const browser = await launch();

async function shoot(name: string, path: string, options: object = {}, size = DESKTOP): Promise<void> {
  if (only.length > 0 && !only.includes(name)) return;
  const { page, close } = await open(browser, { viewport: size, ...options });
  await page.goto(`${edge}/_blobwatch/${path}`);
  await page.getByLabel("Token").fill(token ?? "");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.waitForFunction(() => !document.body.innerText.includes("Loading "));
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await close();
}

const answer = await fetch(`${edge}/_blobwatch/api/v1/anomalies?limit=1`, { headers: { Authorization: `Bearer ${token}` } });
const { items } = (await answer.json()) as { items: { id: string; onset: string; rules: { rule: string }[] }[] };
const anomaly = items[0];
if (!anomaly) throw new Error("there is no anomaly: play July 2020 first");
const since = new Date(Date.parse(anomaly.onset) - 1_800_000).toISOString();

await shoot("now", "", {}, { width: 1440, height: 560 });
await shoot("timeline", `timeline?since=${since}`, { colorScheme: "dark" });
await shoot("cohorts", `cohorts?since=${anomaly.onset}&anomaly=${anomaly.id}`, {}, { width: 1440, height: 760 });
await shoot("anomaly", `anomalies/${anomaly.id}`, {}, { width: 1440, height: 900 });
await shoot("rules", "rules", {}, { width: 1440, height: 820 });
await shoot("switch", `rules?rule=${anomaly.rules[0]?.rule ?? "scripted-user-agent"}&route=default`);
await shoot("fires", "fires?since=-6h", { colorScheme: "dark" }, { width: 1440, height: 700 });
await shoot("audit", "audit", {}, { width: 1440, height: 560 });
await shoot("phone", "", {}, PHONE);
await browser.close();
