// Charts as SVG: their frame, their figures as a table, and a line over time.

import { h, svg, tableHead } from "./dom.js";
import * as format from "./format.js";

export const [WIDTH, HEIGHT] = [600, 140];
const LEAST_SPAN_MS = 60000;
const MOST_ROWS = 30;

/** @typedef {[at: number, value: number]} Point a time in ms, and a value */
/** @typedef {{ start: number, now: number, points: Point[] }} Series points in order of time */

/**
 * Return the top of a scale: 1, 2 or 5 times a power of ten, at or above `value`. A rounded top
 * stays the same while the greatest value changes a little.
 *
 * @param {number} value
 * @returns {number}
 */
export function scaleTop(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((factor) => factor * power >= value) ?? 10) * power;
}

/**
 * Return how far below the top of a chart a value is drawn.
 *
 * @param {number} value
 * @param {number} top the value at the top of the scale
 * @returns {number}
 */
export const yOf = (value, top) => HEIGHT - 1 - ((HEIGHT - 2) * value) / top;

/**
 * A drawing of WIDTH by HEIGHT in the frame of a chart.
 *
 * @param {object} texts
 * @param {string} texts.caption
 * @param {string} [texts.label] names the drawing for screen readers; the caption if there is none
 * @param {string} texts.top the value at the top of the scale
 * @param {string} texts.left
 * @param {string} texts.right
 * @param {SVGElement[]} drawing
 * @param {HTMLElement} below the chart
 * @returns {HTMLElement}
 */
export function chartFrame({ caption, label = caption, top, left, right }, drawing, below) {
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, caption),
    h("span", { class: "chart-top" }, top),
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": label,
      },
      drawing,
    ),
    h("div", { class: "chart-x" }, h("span", {}, left), h("span", {}, right)),
    below,
  );
}

/**
 * The figures of a chart, folded away.
 *
 * @param {string} label names the table for screen readers
 * @param {HTMLElement} table
 * @returns {HTMLElement}
 */
export function foldedTable(label, table) {
  const box = { class: "scroll tall", tabindex: 0, role: "group", "aria-label": label };
  return h("details", {}, h("summary", {}, "The figures as a table"), h("div", box, table));
}

/**
 * Return the `points` of an SVG polyline. The x axis ends at `now` and is at least a minute long.
 *
 * @param {Series} series
 * @param {number} top the value at the top of the scale
 * @returns {string}
 */
export function polylinePoints({ start, now, points }, top) {
  const span = Math.max(LEAST_SPAN_MS, now - start);
  const x = (/** @type {number} */ at) => WIDTH - (WIDTH * (now - at)) / span;
  return points.map(([at, value]) => `${x(at).toFixed(1)},${yOf(value, top).toFixed(1)}`).join(" ");
}

/**
 * Return the points for a table, newest first. Of many points, one of each few is left.
 *
 * @param {Point[]} points
 * @returns {Point[]}
 */
export function tablePoints(points) {
  const step = Math.ceil(points.length / MOST_ROWS);
  return [...points].reverse().filter((_, at) => at % step === 0);
}

/**
 * @param {string} label
 * @param {Series} series
 * @param {(value: number) => string} show formats a value
 */
function figureTable(label, { now, points }, show) {
  const row = (/** @type {Point} */ [at, value]) => {
    const time = at === now ? "now" : `${format.duration((now - at) / 1000)} ago`;
    return h("tr", {}, h("th", { scope: "row" }, time), h("td", {}, show(value)));
  };
  return foldedTable(
    `Figures: ${label}`,
    h(
      "table",
      { class: "figures" },
      tableHead(["Time", label]),
      h("tbody", {}, tablePoints(points).map(row)),
    ),
  );
}

/**
 * A line over the time from `start` to `now`. The caption tells the newest value.
 *
 * @param {string} label
 * @param {Series} series
 * @param {(value: number) => string} show formats a value
 * @returns {HTMLElement}
 */
export function lineChart(label, series, show) {
  const { start, now, points } = series;
  const top = scaleTop(Math.max(0, ...points.map(([, value]) => value)));
  const newest = points.at(-1);
  const latest = newest
    ? `, ${newest[0] === now ? "now" : "last"} ${show(newest[1])}`
    : ", no data yet";
  const span = Math.max(LEAST_SPAN_MS, now - start);
  const grid = [0.5, HEIGHT / 2, HEIGHT - 0.5].map((y) =>
    svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y }),
  );
  const line = svg("polyline", { class: "line", points: polylinePoints(series, top) });
  const left = `${format.duration(span / 1000)} ago`;
  return chartFrame(
    { caption: label + latest, top: show(top), left, right: "now" },
    [...grid, line],
    figureTable(label, series, show),
  );
}
