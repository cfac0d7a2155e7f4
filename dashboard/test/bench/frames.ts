// What the dashboard does for a frame: `cargo xtask bench dashboard` runs it, and makes a table of the JSON that it prints.
// `test/browser/pages.test.ts` holds the counts, which are the same on every machine.

import type { Browser, CDPSession, Page } from "playwright-core";
import { launch, open } from "../browser/chromium.ts";
import { type Act, counted, frames, longLog, onePlot } from "../browser/frames.ts";
import { start } from "../fixture/server.ts";

interface Scene {
  name: string;
  path: string;
  prepare: (page: Page) => Promise<void>;
  selector: string;
  act: Act;
  many: number;
}

const SCENES: Scene[] = [
  { name: "scrolling 100,000 fires", path: "fires", prepare: longLog, selector: ".virtual", act: "scroll", many: 300 },
  { name: "one plot of 50,000 points anew", path: "timeline", prepare: onePlot, selector: ".plot", act: "resize", many: 120 },
  { name: "the cursor over six plots of 50,000 points", path: "timeline", prepare: async () => {}, selector: ".u-over", act: "hover", many: 200 },
];

/** A sample of each of these for each round. */
interface Measured {
  name: string;
  /** Milliseconds of the page's own work a frame. */
  work_ms: number[];
  /** The same in rounds of a loop that the same page ran just before: what a busy or slow core does to one it does to the other. */
  work_loops: number[];
  /** Milliseconds from one frame to the next, in the median. */
  gap_ms: number[];
  elements: number;
  draws: number;
  steps: number;
}

const rounds = Number(process.argv[2] ?? "5");

/** Milliseconds that the page's main thread has run. */
async function worked(debug: CDPSession): Promise<number> {
  const { metrics } = await debug.send("Performance.getMetrics");
  return (metrics.find((metric) => metric.name === "TaskDuration")?.value ?? 0) * 1_000;
}

async function workOf(debug: CDPSession, act: () => Promise<unknown>): Promise<number> {
  const before = await worked(debug);
  await act();
  return (await worked(debug)) - before;
}

/** A million multiplications, many times: a few milliseconds each. */
const LOOPS = 20;
const loop = (page: Page): Promise<number> =>
  page.evaluate((loops) => {
    let state = 1;
    for (let at = 0; at < loops * 1_000_000; at += 1) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state;
  }, LOOPS);

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function measure(browser: Browser, url: string, { name, path, prepare, selector, act, many }: Scene): Promise<Measured> {
  const { page, close } = await open(browser);
  await page.goto(url + path);
  await page.locator(selector).first().waitFor();
  await prepare(page);
  const debug = await page.context().newCDPSession(page);
  await debug.send("Performance.enable", { timeDomain: "threadTicks" });
  const measured: Measured = { name, work_ms: [], work_loops: [], gap_ms: [], elements: 0, draws: 0, steps: 0 };
  for (let round = 0; round < rounds; round += 1) {
    const one = (await workOf(debug, () => loop(page))) / LOOPS;
    const work = (await workOf(debug, async () => measured.gap_ms.push(median(await frames(page, selector, act, many))))) / many;
    measured.work_ms.push(work);
    measured.work_loops.push(work / one);
  }
  Object.assign(measured, await counted(page, selector, act, many));
  await close();
  return measured;
}

const fixture = await start();
Object.assign(fixture.state, { fires: 100_000, points: 50_000 });
const browser = await launch();
const scenes: Measured[] = [];
for (const scene of SCENES) scenes.push(await measure(browser, fixture.url, scene));
console.log(JSON.stringify({ rounds, scenes }));
await browser.close();
await fixture.close();
