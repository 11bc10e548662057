// Charts as SVG: lines over time, columns over time, and bars in a table.

import { h, svg } from "./dom.js";
import * as format from "./format.js";

const [WIDTH, HEIGHT] = [600, 140];
const LEAST_SPAN_MS = 60000;

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
 */
function frame(label, top, left, right, drawing) {
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
  );
}

/**
 * Columns over time. Each stands at its start; intervals without a column stay empty.
 *
 * @param {string} label
 * @param {[start: string, value: number][]} columns at least one, in order of time
 * @param {number} unitMs the length of an interval
 * @returns {HTMLElement}
 */
export function columnChart(label, columns, unitMs) {
  const times = columns.map(([start]) => Date.parse(start));
  const [first, last] = [times[0], times[times.length - 1]];
  const span = last - first + unitMs;
  const top = scaleTop(Math.max(...columns.map(([, value]) => value)));
  const drawing = columns.map(([start, value], at) => {
    const height = Math.max(1, ((HEIGHT - 2) * value) / top);
    const x = (WIDTH * (times[at] - first)) / span;
    const width = Math.max(0.8, (0.9 * WIDTH * unitMs) / span);
    return svg(
      "rect",
      { class: "column", x, width, y: HEIGHT - 1 - height, height },
      svg("title", {}, `${start}: ${format.number(value)}`),
    );
  });
  return frame(
    label,
    format.number(top),
    utcTime(columns[0][0]),
    utcTime(columns[columns.length - 1][0]),
    drawing,
  );
}

/**
 * Times from the content of a file stay in UTC; they are not converted to the reader's time zone.
 *
 * @param {string} text RFC 3339
 */
const utcTime = (text) => `${text.slice(0, 19).replace("T", " ")} UTC`;

/**
 * Bars in the rows of a table, which has the numbers as text, too.
 *
 * @param {string} caption
 * @param {[name: string, value: number, note: string][]} rows
 * @returns {HTMLElement}
 */
export function barTable(caption, rows) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return h(
    "table",
    { class: "bars" },
    h("caption", {}, caption),
    h(
      "tbody",
      {},
      rows.map(([name, value, note]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, name),
          h("td", { class: "bar" }, h("meter", { max: most, value, "aria-hidden": "true" })),
          h("td", { class: "number" }, format.number(value)),
          h("td", { class: "quiet" }, note),
        ),
      ),
    ),
  );
}
