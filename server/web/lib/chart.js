// Charts as SVG: a line over time, with its figures as a table.

import { h, svg, tableHead } from "./dom.js";
import * as format from "./format.js";

const [WIDTH, HEIGHT] = [600, 140];
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
 * @param {string} label
 * @param {string} top the value at the top of the scale
 * @param {string} left
 * @param {string} right
 * @param {SVGElement | SVGElement[]} drawing
 * @param {HTMLElement} table
 */
function frame(label, top, left, right, drawing, table) {
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, label),
    h("span", { class: "chart-top" }, top),
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": label,
      },
      [0.5, HEIGHT / 2, HEIGHT - 0.5].map((y) =>
        svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y }),
      ),
      drawing,
    ),
    h("div", { class: "chart-x" }, h("span", {}, left), h("span", {}, right)),
    h("details", {}, h("summary", {}, "The figures as a table"), table),
  );
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
  const y = (/** @type {number} */ value) => HEIGHT - 1 - ((HEIGHT - 2) * value) / top;
  return points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
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
  return h(
    "div",
    { class: "scroll tall", tabindex: 0, role: "group", "aria-label": `Figures: ${label}` },
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
  return frame(
    label + latest,
    show(top),
    `${format.duration(span / 1000)} ago`,
    "now",
    svg("polyline", { class: "line", points: polylinePoints(series, top) }),
    figureTable(label, series, show),
  );
}
