// The switch on the real worker: a rule is previewed, enforced in steps, watched by its guard, and taken back, all from the page.
// tests/e2e/dashboard.rs starts the worker and says where it is.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Locator } from "playwright-core";
import { until } from "../hang.ts";
import { browser, oneBrowser } from "./one_browser.ts";
import { api, type Client, env, type Items, OPERATOR, PAGE, pull, signedIn } from "./worker.ts";

/** Paths of blobs that the registry has. */
const BLOBS = env("BLOBS").split(",");
const [BLOB = ""] = BLOBS;

/** Where one can break the way to the Durable Objects. */
const BETWEEN = env("BETWEEN");

oneBrowser();

afterEach(() => sabotage({}));

const sabotage = (faults: object): Promise<unknown> => fetch(BETWEEN, { method: "PUT", body: JSON.stringify(faults) });

const block = (rule: string, expression: string): Promise<unknown> => api(`rules/${rule}`, "PUT", { description: "", expression, action: "block" });

const recorded = (query: string, many: number): Promise<unknown> =>
  until(`${many} records of ${query}`, async () => (await api<Items>(`requests?limit=1000&${query}`)).items.length >= many);

/** More FireLogs than a preview asks at a time, so that its progress is seen while the last is held. */
const COLOS = ["AMS", "FRA", "LHR", "NRT", "SJC", "GRU", "IAD", "DUB", "SIN", "SYD"];
const LAST = "fl1-syd-0";

const machine = (agent: string, at: number): Client => ({ agent, colo: COLOS[at % COLOS.length] ?? "", ip: `192.0.2.${at + 1}` });

async function enforce(dialog: Locator, plan: string, reason: string): Promise<void> {
  await dialog.getByRole("radio", { name: plan }).check();
  await dialog.getByLabel("Reason, for the audit log").fill(reason);
  await dialog.getByRole("button", { name: "Enforce: block" }).click();
  await dialog.getByText(/^Revision \d+ is stored/).waitFor();
  await dialog.getByText(/All \d+ FireLogs have the change/).waitFor();
}

test("a rule is previewed, enforced step by step, and taken back with everything else", async () => {
  const agents = ["skopeo/1.9.3", "containerd/v1.6.20", "docker/20.10.7 os/linux", "skopeo/1.4.0"];
  await block("no-skopeo", 'client.family eq "skopeo"');
  for (let at = 0; at < 20; at += 1) assert.equal((await pull(BLOB, machine(agents[at % 4] ?? "", at))).status, 200);
  await recorded("family=skopeo", 10);
  await recorded("", 20);

  const { page, faults, close } = await signedIn(browser, OPERATOR, "rules?rule=no-skopeo&route=default");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^enforce/ }).check();
  const act = dialog.getByRole("button", { name: "Enforce: block" });
  await dialog.getByLabel("Reason, for the audit log").fill("a test");
  assert.ok(await act.isDisabled(), "not before it is known who would be hit");

  await sabotage({ FireLog: "hold" });
  await dialog.getByRole("button", { name: "Who would be hit?" }).click();
  await dialog.getByRole("progressbar", { name: "Preview" }).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByText("Cancelled").waitFor();
  assert.ok(await act.isDisabled(), "not with a preview that was cancelled");
  const [cancelled] = (await api<Items>("previews?limit=1")).items;
  assert.equal(cancelled?.["status"], "cancelled", "it does not go on behind the page");

  await sabotage({ [`FireLog ${LAST}`]: "hold" });
  await dialog.getByRole("button", { name: "Preview again" }).click();
  await dialog.getByText(/^[1-9]\d* of \d+ requests replayed$/).waitFor();
  await sabotage({});
  await dialog.getByText("would deny 100 % of skopeo in 10 colos, of which 100 % completed their pulls: 10 clients in 1 network").waitFor();
  assert.equal(await dialog.locator(".harm").count(), 1, "healthy clients are marked");
  await enforce(dialog, "1 % for 10 min, 10 % for 30 min, then all", "they are no clients of ours");
  await page.keyboard.press("Escape");

  const cell = page.getByRole("button", { name: /^Switch no-skopeo on default: enforce 1 %/ });
  await cell.getByText("guard watching").waitFor();
  await cell.getByText("stage 1 of 3, next").waitFor();
  const [entry] = (await api<Items<{ after: { preview?: string } }>>("audit?limit=1")).items;
  assert.match(entry?.after.preview ?? "", /^pv-/, "the audit log has the preview");

  const viewer = await signedIn(browser, env("VIEWER"), "rules");
  await viewer.page.getByRole("button", { name: /^Switch no-skopeo on default: enforce 1 %/ }).getByText("guard watching").waitFor();
  assert.ok(await viewer.page.getByRole("button", { name: "Everything to monitor…" }).isDisabled());
  await viewer.close();

  await page.getByRole("button", { name: "Everything to monitor…" }).click();
  await dialog.getByLabel("Reason, for the audit log").fill("enough");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await dialog.getByText("No longer acting: no-skopeo on default.").waitFor();
  await dialog.getByText(/All \d+ FireLogs have the change/).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Switch no-skopeo on default: monitor/ }).waitFor();
  for (let at = 0; at < 4; at += 1) assert.equal((await pull(BLOB, machine("skopeo/1.9.3", at))).status, 200);
  assert.deepEqual(faults, []);
  await close();
});

test("a rule that hits healthy clients is taken back by its guard, and the page says why", async () => {
  const probe = (at: number): Client => ({ agent: "probe/1", colo: "AMS", ip: `203.0.${at}.1` });
  const machines = Array.from({ length: 12 }, (_, at) => at + 1);
  await block("probes", 'http.user_agent contains "probe/"');
  for (const at of machines) for (const blob of BLOBS.slice(0, 3)) assert.equal((await pull(blob, probe(at))).status, 200);
  await recorded("client=" + (await clientOf(probe(99))), 1);

  const { page, faults, close } = await signedIn(browser, OPERATOR, "rules?rule=probes&route=default");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^enforce/ }).check();
  await dialog.getByRole("button", { name: "Who would be hit?" }).click();
  await dialog.locator(".harm").first().waitFor();
  await enforce(dialog, "all clients at once", "they look like a botnet");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Switch probes on default: enforce/ }).getByText("guard watching").waitFor();

  await until("it is enforced", async () => (await pull(BLOB, probe(98))).status === 403);
  // The guard may have seen enough before all of them came.
  for (const at of machines) await pull(BLOB, probe(at));
  const cell = page.getByRole("button", { name: /^Switch probes on default: monitor/ });
  await cell.getByText("guard demoted").waitFor();
  await cell.click();
  await dialog.getByText("set by guard").waitFor();
  await dialog.getByText(/pull cleanly/).first().waitFor();
  await page.keyboard.press("Escape");
  await until("pulls succeed again", async () => (await pull(BLOB, probe(1))).status === 200);

  await page.goto(PAGE);
  await page.getByText(/healthy clients denied/).first().waitFor();
  assert.deepEqual(faults, []);
  await close();
});

/** The key of a client, which a record of it says. */
async function clientOf(client: Client): Promise<string> {
  const id = (await pull(BLOB, client)).headers.get("Blobwatch-Id") ?? "";
  const record = await until("its record", async () => (await api<Items<{ client: string }>>(`requests?id=${id}`)).items[0]);
  return record.client;
}
