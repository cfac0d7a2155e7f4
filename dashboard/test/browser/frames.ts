// What a page does for each of many frames, in numbers that are the same on every machine, and in time.

import type { Page } from "playwright-core";
import { seen } from "./chromium.ts";

export interface Counts {
  /** Elements put into the document. */
  elements: number;
  /** Canvases cleared, to be drawn anew. */
  draws: number;
  /** Steps of the paths that are drawn. */
  steps: number;
}

declare global {
  var counts: Counts;
}

/** From now on the page counts; again from nothing, if it did already. */
const count = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const isCounting = "counts" in globalThis;
    globalThis.counts = { elements: 0, draws: 0, steps: 0 };
    if (isCounting) return;
    const each = (of: object, name: string, key: "draws" | "steps") => {
      const call = Reflect.get(of, name) as (...args: unknown[]) => unknown;
      Reflect.set(of, name, function (this: unknown, ...args: unknown[]) {
        counts[key] += 1;
        return call.apply(this, args);
      });
    };
    each(CanvasRenderingContext2D.prototype, "clearRect", "draws");
    each(Path2D.prototype, "lineTo", "steps");
    each(Path2D.prototype, "moveTo", "steps");
    const observer = new MutationObserver((records) => {
      for (const { addedNodes } of records) counts.elements += [...addedNodes].filter((node) => node instanceof Element).length;
    });
    observer.observe(document.body, { childList: true, subtree: true });
  });

export type Act = "scroll" | "hover" | "resize";

/** Does `act` before each of so many frames; answers the milliseconds from one frame to the next. What else runs on the machine is in
 * them. */
export const frames = (page: Page, selector: string, act: Act, many: number): Promise<number[]> =>
  page.evaluate(
    async ([selector, act, many]) => {
      const element = document.querySelector<HTMLElement>(selector);
      if (!element) throw new Error(`no ${selector}`);
      const box = element.getBoundingClientRect();
      const gaps: number[] = [];
      let last = await new Promise<number>(requestAnimationFrame);
      for (let at = 0; at < many; at += 1) {
        if (act === "scroll") element.scrollTop += 700;
        else if (act === "resize") element.style.width = `${600 - (at % 2)}px`;
        else {
          const clientX = box.left + (box.width * at) / many;
          element.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY: box.top + 40, bubbles: true }));
        }
        const now = await new Promise<number>(requestAnimationFrame);
        gaps.push(now - last);
        last = now;
      }
      return gaps;
    },
    [selector, act, many] as const,
  );

/** What the page did for each of these frames, and for nothing else. */
export async function counted(page: Page, selector: string, act: Act, many: number): Promise<Counts> {
  await seen(page, false);
  await count(page);
  await frames(page, selector, act, many);
  const { elements, draws, steps } = await page.evaluate(() => counts);
  return { elements: elements / many, draws: draws / many, steps: steps / many };
}

/** 100,000 fires in the log, all of them read, shown from the first. */
export async function longLog(page: Page): Promise<void> {
  const grid = page.getByRole("grid");
  await grid.focus();
  while ((await grid.getAttribute("aria-rowcount")) !== "100001") await page.keyboard.press("End");
  await page.keyboard.press("Home");
}

/** One plot alone, which is drawn whole each time that it has another width. */
export const onePlot = (page: Page): Promise<void> =>
  page.evaluate(() => document.querySelectorAll(".plot:not(:first-child)").forEach((plot) => plot.remove()));
