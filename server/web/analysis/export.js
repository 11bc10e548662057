// What a reader can take along: the report, its tables as CSV, and the result as JSON.

import { h } from "../lib/dom.js";
import { jobPath } from "../shared/links.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").JobDocument} JobDocument */

/** @type {[table: string, title: string, isThere: (result: Analysis) => unknown][]} */
const TABLES = [
  ["patterns", "patterns", ({ counts }) => Object.keys(counts ?? {}).length],
  ["timeline", "over time", ({ timeline, histogram }) => timeline?.start ?? histogram],
  ["explanations", "explanations", ({ overview }) => overview?.explanations?.length],
  ["templates", "kinds of lines", ({ overview }) => overview?.templates?.length],
  ["fields", "fields", ({ fields }) => Object.keys(fields ?? {}).length],
];

/**
 * Links to the report and to tables of a result, and a button that saves the result.
 *
 * @param {JobDocument} job
 * @param {Analysis} result
 * @returns {HTMLElement}
 */
export function exportLinks({ job_id: id, upload }, result) {
  const name = (upload?.name ?? id).replaceAll(/[^\w.-]+/g, "_");
  const report = jobPath(id, "/report");
  const json = () => save(`${name}.json`, "application/json", JSON.stringify(result, null, 2));
  const csv = TABLES.filter(([, , isThere]) => isThere(result)).map(([table, title]) => [
    " ",
    h(
      "a",
      { href: `${report}?format=csv&table=${table}`, download: `${name}.${table}.csv` },
      title,
    ),
  ]);
  return h(
    "p",
    { class: "export", "data-key": "export" },
    h("a", { href: report }, "Report"),
    h("button", { class: "plain", onclick: json }, "JSON"),
    csv.length > 0 && h("span", {}, "CSV:", csv),
  );
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
