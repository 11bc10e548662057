// Files that a reader can take along: the result as JSON, and the figures over time as CSV.

import { h } from "../lib/dom.js";
import { toRfc3339 } from "../lib/timeZone.js";
import { timelineOf } from "./timeline.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").JobDocument} JobDocument */

/**
 * Buttons that save the result of a job.
 *
 * @param {JobDocument} job
 * @param {Analysis} result
 * @returns {HTMLElement}
 */
export function exportButtons({ job_id: id, upload }, result) {
  const name = (upload?.name ?? id).replaceAll(/[^\w.-]+/g, "_");
  const json = () => save(`${name}.json`, "application/json", JSON.stringify(result, null, 2));
  const csv = () => save(`${name}.csv`, "text/csv", csvOf(result));
  return h(
    "div",
    { class: "buttons", "data-key": "export" },
    h("button", { class: "plain", onclick: json }, "Save the result as JSON"),
    timelineOf(result) &&
      h("button", { class: "plain", onclick: csv }, "Save the figures over time as CSV"),
  );
}

/**
 * Return the figures over time as CSV: a row for each bin, a column for each pattern, level, class
 * of statuses and template.
 *
 * @param {Analysis} analysis
 * @returns {string}
 */
export function csvOf(analysis) {
  const timeline = timelineOf(analysis);
  if (!timeline) return "";
  const { start, step, bins, total, stacks } = timeline;
  const columns = [
    ...(total ? [/** @type {[string, number[]]} */ (["all lines", total])] : []),
    ...Object.values(stacks).flatMap((stack) => Object.entries(stack)),
  ];
  const rows = Array.from({ length: bins }, (_, bin) => [
    toRfc3339(start + bin * step),
    ...columns.map(([, values]) => String(values[bin])),
  ]);
  return [["from", ...columns.map(([name]) => name)], ...rows]
    .map((row) => `${row.map(csvCell).join(",")}\r\n`)
    .join("");
}

/**
 * Quote a cell where CSV needs it. A text that a spreadsheet would run as a formula gets an
 * apostrophe in front.
 *
 * @param {string} text
 */
function csvCell(text) {
  const safe = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Have the browser save a text as a file.
 *
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
function save(name, type, text) {
  const href = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href));
}
