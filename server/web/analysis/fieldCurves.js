// A field over time, on the axis of the chart of lines: a curve for each percentile of its numbers,
// or for each of its most frequent values, with the figures as a table.

import { chartFrame, foldedTable, scaleTop, WIDTH, yOf } from "../lib/chart.js";
import { h, svg, tableHead } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { stampOf } from "../lib/timeZone.js";
import { colorOf, swatch } from "./colors.js";

/** @typedef {import("../types.js").FieldOverTime} FieldOverTime */
/** @typedef {import("./timeline.js").Timeline} Timeline */
/** @typedef {{ name: string, color: string, values: (number | null)[] }} Curve */

const PERCENTILES = /** @type {const} */ (["p50", "p95", "p99"]);
const MOST_VALUES = 5;

/**
 * Return the curves of a field.
 *
 * @param {FieldOverTime} figures
 * @returns {Curve[]}
 */
export function curvesOf(figures) {
  const rows = figures.p50
    ? PERCENTILES.map((name) => ({ name, values: figures[name] ?? [] }))
    : figures.top
        .slice(0, MOST_VALUES)
        .map(({ value, counts }) => ({ name: value, values: counts }));
  return rows.map((each, at) => ({
    ...each,
    color: colorOf(each.name, at, new Map()),
  }));
}

/**
 * Return the path of a curve: each value is as long as its bin, and bins without one are a gap.
 *
 * @param {(number | null)[]} values
 * @param {number} top the value at the top of the scale; negative values are at its foot
 * @returns {string}
 */
export function stepsOf(values, top) {
  const step = WIDTH / Math.max(1, values.length);
  let path = "";
  values.forEach((value, bin) => {
    if (value === null) return;
    const y = yOf(Math.max(0, value), top).toFixed(1);
    const isOpen = bin > 0 && values[bin - 1] !== null;
    path += `${isOpen ? "V" : `M${(bin * step).toFixed(1)} `}${y}H${((bin + 1) * step).toFixed(1)}`;
  });
  return path;
}

/**
 * The curves of a field, with a legend and a table.
 *
 * @param {string} name
 * @param {FieldOverTime} figures
 * @param {Timeline} timeline
 * @param {import("../lib/timeZone.js").Zone} zone
 * @returns {HTMLElement}
 */
export function fieldCurves(name, figures, timeline, zone) {
  const { start, step, bins } = timeline;
  const curves = curvesOf(figures);
  const top = scaleTop(Math.max(0, ...curves.flatMap(({ values }) => values.map(Number))));
  const caption = figures.p50 ? "Percentiles over time" : "Lines over time";
  const label = `${name} over time: ${curves.map((each) => each.name).join(", ")}`;
  const time = (/** @type {number} */ bin) => stampOf(start + bin * step, step, zone);
  return h(
    "div",
    { "data-key": "over-time" },
    chartFrame(
      { caption, label, top: format.rough(top), left: time(0), right: time(bins) },
      curves.map(({ color, values }) =>
        svg("path", { fill: "none", stroke: color, "stroke-width": 2, d: stepsOf(values, top) }),
      ),
      h(
        "ul",
        { class: "legend" },
        curves.map(({ name: text, color }) => h("li", {}, swatch(color), text)),
      ),
    ),
    figureTable(name, figures, curves, time),
  );
}

/**
 * @param {string} name
 * @param {FieldOverTime} figures
 * @param {Curve[]} curves
 * @param {(bin: number) => string} time the start of a bin
 */
function figureTable(name, { count, distinct }, curves, time) {
  const show = (/** @type {number | null} */ value) => (value === null ? "" : format.rough(value));
  const row = (/** @type {number} */ lines, /** @type {number} */ bin) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, time(bin)),
      h("td", {}, format.number(lines)),
      h("td", {}, format.number(distinct[bin])),
      curves.map(({ values }) => h("td", {}, show(values[bin]))),
    );
  return foldedTable(
    `${name} over time`,
    h(
      "table",
      {},
      tableHead(["From", "Lines", "Distinct values", ...curves.map((each) => each.name)]),
      h("tbody", {}, count.map(row)),
    ),
  );
}
