// uPlot, as a component: series over time, marks on it, and a window brushed with the mouse, a finger or keys.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Mark } from "../api/types.ts";
import { short, utcClock, utcDay } from "../format.ts";
import { brushByKeys, brushByTouch } from "./brush.ts";
import { shown } from "./theme.ts";

export interface Line {
  label: string;
  values: number[];
  /** Name of a colour in style.css, such as `--line-1`. */
  colour: string;
  /** Dashes tell lines apart without colour. */
  dash?: number[];
}

export interface PlotProps {
  title: string;
  unit: string;
  /** Unix seconds. */
  times: number[];
  lines: Line[];
  marks?: Mark[];
  /** Unix seconds of a brushed window. */
  brush?: (from: number, until: number) => void;
  height?: number;
  /** Plots with the same key share their cursor. */
  sync?: string;
}

const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** `light-dark()` in a property is not resolved when it is read: a probe element resolves it. */
function resolved(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color || colourOf(name);
  probe.remove();
  return colour;
}

export function Plot(props: PlotProps) {
  const { title, unit, times, lines, brush, height = 150, sync } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const keys = useRef<(event: KeyboardEvent) => void>(() => {});
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([lines.map((line) => [line.label, line.colour]), brush !== undefined, unit, height, sync, shown.value]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(options(element.clientWidth, latest), data(latest.current), element);
    plot.current = made;
    const isBrushed = latest.current.brush !== undefined;
    if (isBrushed) brushByTouch(made);
    keys.current = brushByKeys(made, isBrushed);
    const resize = new ResizeObserver(() => {
      if (element.clientWidth !== made.width) made.setSize({ width: element.clientWidth, height });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(data(latest.current));
  }, [times, lines, props.marks]);

  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span> <span class="faint">{unit}</span>
      </figcaption>
      <div ref={box} role="img" tabIndex={0} aria-label={words(title, unit, times, lines)} onKeyDown={(event) => keys.current(event)} />
    </figure>
  );
}

/** What somebody who does not see it gets: each line's last and largest value. */
function words(title: string, unit: string, times: number[], lines: Line[]): string {
  if (times.length === 0) return `${title}: nothing in this window`;
  const parts = lines.map((line) => {
    const most = line.values.reduce((a, b) => Math.max(a, b), 0);
    return `${line.label} at most ${short(most)}, now ${short(line.values.at(-1) ?? 0)}`;
  });
  return `${title}, ${unit}: ${parts.join("; ")}`;
}

const data = ({ times, lines }: PlotProps): uPlot.AlignedData => [times, ...lines.map((line) => line.values)];

/** Steps of an axis: what is plotted is counted, and there is no half of it. */
const WHOLE = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** What happened a moment ago is shown before the counts of its minute are in. Without any counts there is no reach. */
function reach(from: number | null, until: number | null, { marks = [] }: PlotProps): uPlot.Range.MinMax {
  if (from === null || until === null) return [null, null];
  return [from, marks.reduce((last, mark) => Math.max(last, Date.parse(mark.time) / 1000), until)];
}

function options(width: number, latest: { current: PlotProps }): uPlot.Options {
  const { lines, height = 150, sync, brush } = latest.current;
  const [ink, grid] = [resolved("--ink-soft"), resolved("--rule")];
  const colours = new Map(Object.entries(MARK_COLOUR).map(([type, name]) => [type, resolved(name)]));
  const axis: uPlot.Axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
  return {
    width,
    height,
    // Bars of nothing are drawn at the bottom, and a flat line at 0 still has a scale.
    scales: { x: { time: true, range: (_plot, from, until) => reach(from, until, latest.current) }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    axes: [
      { ...axis, size: 26, space: 64, values: (_plot, splits) => clock(splits) },
      { ...axis, size: 48, incrs: WHOLE, values: (_plot, splits) => splits.map((value) => short(value)) },
    ],
    series: [
      { label: "UTC", value: (_plot, at) => (at == null ? "" : `${utcDay(new Date(at * 1000))} ${utcClock(new Date(at * 1000))}`) },
      ...lines.map((line) => series(line)),
    ],
    cursor: {
      drag: { x: brush !== undefined, y: false, setScale: false },
      points: { size: 6 },
      ...(sync !== undefined && { sync: { key: sync } }),
    },
    legend: { live: true },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 4) return;
          latest.current.brush?.(plot.posToVal(left, "x"), plot.posToVal(left + wide, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(plot) => plot.root.classList.toggle("pointed", plot.cursor.idx != null)],
      draw: [(plot) => drawMarks(plot, latest.current.marks ?? [], (type) => colours.get(type) ?? ink)],
    },
  };
}

const series = (line: Line): uPlot.Series => ({
  label: line.label,
  stroke: resolved(line.colour),
  width: 1.5,
  points: { show: false },
  value: (_plot, value) => (value == null ? "" : short(value)),
  ...(line.dash && { dash: line.dash }),
});

/** Days are written where the day changes. */
function clock(splits: number[]): string[] {
  let day = "";
  return splits.map((at) => {
    const date = new Date(at * 1000);
    const today = utcDay(date);
    const isNew = day !== "" && today !== day;
    day = today;
    return isNew ? `${today.slice(5)} ${utcClock(date)}` : utcClock(date);
  });
}

const MARK_COLOUR: Record<string, string> = {
  anomaly_opened: "--bad",
  anomaly_closed: "--good",
  rule_change: "--accent",
  route_change: "--accent",
  stage: "--accent",
  guard: "--warn",
  upstream: "--upstream",
  upstream_window: "--upstream",
};

/** Pixels between two numbers that can be read. */
const NUMBER_WIDTH = 14;

/** A vertical line for each, with its number in the list below the plots, which says what it is. */
function drawMarks(plot: uPlot, marks: Mark[], colour: (type: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${10 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = "top";
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  let free = Number.NEGATIVE_INFINITY;
  for (const [at, mark] of marks.entries()) {
    const x = plot.valToPos(Date.parse(mark.time) / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colour(mark.type);
    ctx.fillStyle = ctx.strokeStyle;
    if (x >= free) {
      ctx.fillText(String(at + 1), x + 2 * devicePixelRatio, bbox.top);
      free = x + NUMBER_WIDTH * devicePixelRatio;
    }
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
