// Choosing a part of a plot with a finger or with keys; uPlot itself knows the mouse.

import type uPlot from "uplot";

/** Pixels below which a drag is a tap. */
const LEAST = 8;

const select = (plot: uPlot, from: number, until: number, fires: boolean): void =>
  plot.setSelect({ left: Math.min(from, until), top: 0, width: Math.abs(until - from), height: plot.over.clientHeight }, fires);

const clear = (plot: uPlot): void => select(plot, 0, 0, false);

/** Dragged sideways it chooses; up and down stays the browser's, which scrolls (`touch-action` in style.css). */
export function brushByTouch(plot: uPlot): void {
  const { over } = plot;
  let begun: { id: number; x: number } | null = null;
  const within = (event: PointerEvent): number => {
    const box = over.getBoundingClientRect();
    return Math.min(box.width, Math.max(0, event.clientX - box.left));
  };
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    begun = { id: event.pointerId, x: within(event) };
  });
  over.addEventListener("pointermove", (event) => {
    if (begun?.id !== event.pointerId) return;
    const x = within(event);
    plot.setCursor({ left: x, top: 1 });
    select(plot, begun.x, x, false);
  });
  over.addEventListener("pointerup", (event) => {
    if (begun?.id !== event.pointerId) return;
    const x = within(event);
    if (Math.abs(x - begun.x) >= LEAST) select(plot, begun.x, x, true);
    else clear(plot);
    begun = null;
  });
  over.addEventListener("pointercancel", (event) => {
    if (begun?.id !== event.pointerId) return;
    clear(plot);
    begun = null;
  });
}

/** Arrows move over the plot, with Shift they choose, Enter takes what is chosen, Escape lets go. */
export function brushByKeys(plot: uPlot, isBrushed: boolean): (event: KeyboardEvent) => void {
  let anchor: number | null = null;
  return (event) => {
    const last = (plot.data[0]?.length ?? 0) - 1;
    if (last < 0) return;
    const now = plot.cursor.idx ?? last;
    const stride = Math.max(1, Math.round(last / 60));
    const moves: Record<string, number> = { ArrowLeft: now - stride, ArrowRight: now + stride, Home: 0, End: last };
    const to = moves[event.key];
    const x = (at: number): number => plot.valToPos(plot.data[0][at] ?? 0, "x");
    if (to !== undefined) {
      const at = Math.min(last, Math.max(0, to));
      plot.setCursor({ left: x(at), top: 1 });
      if (event.shiftKey && isBrushed) {
        anchor ??= now;
        select(plot, x(anchor), x(at), false);
      } else {
        anchor = null;
        clear(plot);
      }
    } else if (event.key === "Enter" && anchor !== null) {
      select(plot, x(anchor), x(now), true);
      anchor = null;
    } else if (event.key === "Escape" && anchor !== null) {
      anchor = null;
      clear(plot);
    } else return;
    event.preventDefault();
  };
}
