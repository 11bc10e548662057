// A chart of counts over time: columns that are stacked on one axis, and a line on an axis of its
// own. Drawn by uPlot on a canvas. A range of time is chosen with the mouse or a finger.

import uPlot from "../vendor/uPlot.js";
import { h } from "./dom.js";
import { tickTexts } from "./timeZone.js";

/** @typedef {{ name: string, color: string, values: number[] }} ChartSeries a value for each bin */
/** @typedef {[from: number, until: number]} Range in seconds */
/**
 * What a chart shows. Bin `i` begins at `start + i * step` seconds. Series are stacked in their
 * order, the first at the bottom. `line` has a scale of its own, at the right.
 *
 * @typedef {{
 *   start: number,
 *   step: number,
 *   bins: number,
 *   series: ChartSeries[],
 *   line: ChartSeries | null,
 *   marks: Range[],
 *   selected: Range | null,
 *   zone: import("./timeZone.js").Zone,
 * }} ChartData
 */

const HEIGHT = 240;
const FONT = "12px system-ui, sans-serif";
const MARK_PIXELS = 4;
const FEW_BINS = 100; // columns with gaps between them
const COMPACT = new Intl.NumberFormat("en", { notation: "compact" });

/**
 * Return the sums of each series and all series before it, the last series first: where columns
 * are drawn in this order, the part of each that stays visible is its own value.
 *
 * @param {number[][]} values of each series
 * @returns {number[][]}
 */
export function stacked(values) {
  /** @type {number[][]} */
  const sums = [];
  for (const each of values) {
    const below = sums.at(-1);
    sums.push(below ? each.map((value, bin) => value + below[bin]) : each);
  }
  return sums.reverse();
}

/**
 * Return the whole bins that a range touches, as a range.
 *
 * @param {Pick<ChartData, "start" | "step" | "bins">} data
 * @param {Range} range in seconds
 * @returns {Range}
 */
export function wholeBins({ start, step, bins }, [from, until]) {
  const first = Math.min(bins - 1, Math.max(0, Math.floor((from - start) / step)));
  const last = Math.min(bins, Math.max(first + 1, Math.ceil((until - start) / step)));
  return [start + first * step, start + last * step];
}

/** A chart in `element`. Call `stop` when it is no longer shown. */
export class TimeChart {
  /**
   * @param {(range: Range) => void} onSelect called with a range that the reader has chosen
   * @param {(bin: number | null) => void} onHover called with the bin below the cursor
   */
  constructor(onSelect, onHover) {
    this.onSelect = onSelect;
    this.onHover = onHover;
    this.element = h("div", { class: "time-chart", "aria-hidden": "true" });
    /** @type {ChartData | null} */
    this.data = null;
    /** @type {uPlot | null} */
    this.plot = null;
    /** @type {ChartData | null} what is shown when the reader has chosen a range */
    this.next = null;
    this.isDragging = false;
    this.onUp = () => setTimeout(() => this.dragged());
    addEventListener("mouseup", this.onUp);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.plot?.redraw(false);
    this.dark.addEventListener("change", this.redraw);
  }

  /**
   * Show data. A chart of the same series stays in place. While the reader draws a range, the data
   * waits.
   *
   * @param {ChartData} data
   */
  show(data) {
    if (this.isDragging) {
      this.next = data;
      return;
    }
    const isAlike = this.plot && this.data && lookOf(this.data) === lookOf(data);
    this.data = data;
    if (this.plot && isAlike) {
      this.plot.setData(columnsOf(data));
      queueMicrotask(() => this.select(data.selected));
      return;
    }
    this.plot?.destroy();
    this.plot = null;
    this.resize();
  }

  /** Show what has waited until the reader had drawn a range. */
  dragged() {
    this.isDragging = false;
    if (this.next) this.show(this.next);
    this.next = null;
  }

  /** Show this range as the chosen one. @param {Range | null} range */
  select(range) {
    if (!this.data || !this.plot) return;
    this.data.selected = range;
    const [left, right] = (range ?? [0, 0]).map((at) => this.plot?.valToPos(at, "x") ?? 0);
    const height = this.plot.over.clientHeight;
    this.plot.setSelect({ left, top: 0, width: right - left, height }, false);
  }

  stop() {
    this.observer.disconnect();
    removeEventListener("mouseup", this.onUp);
    this.dark.removeEventListener("change", this.redraw);
    this.plot?.destroy();
  }

  /** Draw the chart as wide as its element; the first time, or when that width has changed. */
  resize() {
    const width = this.element.clientWidth;
    if (!this.data || !width) return;
    if (!this.plot) this.plot = this.draw(this.data, width);
    else if (this.plot.width !== width) this.plot.setSize({ width, height: HEIGHT });
    else return;
    // uPlot sets its scales in a microtask.
    queueMicrotask(() => this.select(this.data?.selected ?? null));
  }

  /**
   * @param {ChartData} data
   * @param {number} width
   */
  draw(data, width) {
    const { series, line } = data;
    const shown = () => this.data ?? data; // which may have changed since
    const plot = new uPlot(
      {
        width,
        height: HEIGHT,
        ms: 1e-3,
        tzDate: (at) => zonedDate(at, data.zone),
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        scales: {
          x: { time: true, range: () => [shown().start, endOf(shown())] },
          y: { range: (_, __, most) => [0, most || 1] },
          line: { range: (_, __, most) => [0, most || 1] },
        },
        axes: axesOf(data),
        series: [
          {},
          ...[...series].reverse().map(({ color }) => ({
            fill: color,
            width: 0,
            points: { show: false },
            paths: /** @type {uPlot.Series.PathBuilder} */ (
              (plot, at, first, last) => columnPaths(shown().bins)(plot, at, first, last)
            ),
          })),
          ...(line ? [lineSeries(line.color)] : []),
        ],
        hooks: {
          setCursor: [(each) => this.hovered(each)],
          setSelect: [(each) => this.selected(each)],
          draw: [(each) => drawMarks(each, shown().marks)],
        },
      },
      columnsOf(data),
      this.element,
    );
    plot.over.addEventListener("mousedown", () => {
      this.isDragging = true;
    });
    plot.over.addEventListener("click", () => this.clicked(plot));
    return plot;
  }

  /** Tell which bin is below the cursor. @param {uPlot} plot */
  hovered(plot) {
    const left = plot.cursor.left ?? -1;
    if (!this.data || left < 0) return this.onHover(null);
    const { start, step, bins } = this.data;
    this.onHover(Math.min(bins - 1, Math.floor((plot.posToVal(left, "x") - start) / step)));
  }

  /** Take a range that was drawn with the mouse. @param {uPlot} plot */
  selected(plot) {
    const { left, width } = plot.select;
    if (!this.data || width < 2) return;
    const [from, until] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    this.onSelect(wholeBins(this.data, [from, until]));
  }

  /** Take the bin that was clicked. @param {uPlot} plot */
  clicked(plot) {
    if (!this.data || plot.cursor.left === undefined || plot.cursor.left < 0) return;
    const at = plot.posToVal(plot.cursor.left, "x");
    this.onSelect(wholeBins(this.data, [at, at]));
  }
}

/** The end of the last bin. @param {ChartData} data */
const endOf = ({ start, step, bins }) => start + bins * step;

/**
 * Return what a chart is made for; only its values can change later.
 *
 * @param {ChartData} data
 */
function lookOf({ series, line, zone }) {
  const colors = [...series, ...(line ? [line] : [])].map(({ name, color }) => [name, color]);
  return JSON.stringify([colors, Boolean(line), zone]);
}

/**
 * Return the data of a plot: the starts of bins, the columns, and the line.
 *
 * @param {ChartData} data
 * @returns {uPlot.AlignedData}
 */
function columnsOf({ start, step, bins, series, line }) {
  const starts = Array.from({ length: bins }, (_, bin) => start + bin * step);
  const columns = stacked(series.map(({ values }) => values));
  return [starts, ...columns, ...(line ? [line.values] : [])];
}

/**
 * @param {number} seconds
 * @param {import("./timeZone.js").Zone} zone
 */
function zonedDate(seconds, zone) {
  const date = new Date(seconds * 1000);
  return zone === "utc" ? uPlot.tzDate(date, "Etc/UTC") : date;
}

/** @param {string} name of a color in base.css */
const cssColor = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name);

const [closeColumns, spacedColumns] = [0, 1].map((gap) =>
  /** @type {uPlot.Series.BarsPathBuilderFactory} */ (uPlot.paths.bars)({
    size: [1],
    align: 1,
    gap,
  }),
);

/** Return the function that draws so many columns. @param {number} bins */
const columnPaths = (bins) => (bins < FEW_BINS ? spacedColumns : closeColumns);

/** @param {string} stroke */
const lineSeries = (stroke) => ({
  scale: "line",
  stroke,
  width: 1.5,
  points: { show: false },
  paths: uPlot.paths.stepped?.({ align: 1, extend: true }),
});

/** @param {ChartData} data @returns {uPlot.Axis[]} */
function axesOf({ zone, line }) {
  const look = {
    font: FONT,
    stroke: cssColor("--quiet"),
    grid: { stroke: cssColor("--line"), width: 1 },
    ticks: { stroke: cssColor("--line"), width: 1 },
  };
  const numbers = (/** @type {uPlot} */ _, /** @type {number[]} */ splits) =>
    splits.map((value) => COMPACT.format(value));
  const whole = [1, 2, 5].flatMap((digit) => Array.from({ length: 15 }, (_, n) => digit * 10 ** n));
  const counts = { ...look, size: 52, values: numbers, incrs: whole.sort((a, b) => a - b) };
  return [
    {
      ...look,
      size: 44,
      values: (_, splits, __, ___, step) => tickTexts(splits, step, zone),
    },
    counts,
    ...(line ? [{ ...counts, scale: "line", side: 1, grid: { show: false } }] : []),
  ];
}

/**
 * Draw a bar above each marked range.
 *
 * @param {uPlot} plot
 * @param {Range[]} marks
 */
function drawMarks(plot, marks) {
  const { ctx, bbox } = plot;
  const height = MARK_PIXELS * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = cssColor("--failed")();
  for (const [from, until] of marks) {
    const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(until, "x", true));
    ctx.fillRect(left, bbox.top - height, Math.max(height, right - left), height);
  }
  ctx.restore();
}
