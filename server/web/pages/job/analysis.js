// The result, or the progress, of `analyze`: counts as bars, matching lines over time as columns.

import { barTable, columnChart } from "../../lib/chart.js";
import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

const MOST_BARS = 50;
const MOST_CHARTS = 8;
const UNIT_MS = { second: 1000, minute: 60e3, hour: 3600e3, day: 86400e3 };
const MONTH_MS = 30 * 86400e3; // of those that were too many for their own unit

/** What can be drawn of a job; an empty list if nothing can. */
export function analysisPanels(job) {
  const found = job.result ?? job.progress;
  if (job.type !== "analyze" || !found?.counts) return [];
  return [countsPanel(found, job.result), ...histograms(job.result?.histogram), samples(job.result?.samples),
    filePanel(job.result)].filter(Boolean);
}

function countsPanel(found, result) {
  const all = Object.entries(found.counts).sort(([, a], [, b]) => b - a);
  const rows = all.slice(0, MOST_BARS).map(([name, count]) => [name, count, lines(result, name)]);
  const more = all.length - rows.length;
  return h("section", {}, h("h2", {}, result ? "Occurrences" : "Occurrences so far"),
    barTable("Occurrences of each pattern", rows),
    more > 0 && h("p", { class: "quiet" }, `and ${format.plural(more, "more pattern")}, in the result below`));
}

function lines(result, name) {
  const matching = result?.matching_lines?.[name];
  if (!matching) return "";
  const [first, last] = [result.first_line[name], result.last_line[name]].map(format.number);
  return `in ${format.plural(matching, "line")}, ${first === last ? first : `${first} to ${last}`}`;
}

/** A chart for each pattern that has lines with a time. */
function histograms(found) {
  const each = Object.entries(found ?? {}).filter(([, one]) => one.lines.length || one.undated_lines);
  if (!each.length) return [];
  return [h("section", {}, h("h2", {}, "Over time"), each.slice(0, MOST_CHARTS).map(histogram),
    each.length > MOST_CHARTS && h("p", { class: "quiet" }, "The others are in the result below."))];
}

function histogram([name, { unit, lines, undated_lines: undated }]) {
  return [
    lines.length > 0 && columnChart(`${name}: matching lines by ${unit}`, lines, UNIT_MS[unit] ?? MONTH_MS),
    undated > 0 && h("p", { class: "quiet" }, `${name}: ${format.plural(undated, "matching line")} without a time`),
  ];
}

function samples(found) {
  const some = Object.entries(found ?? {}).filter(([, each]) => each.length);
  if (!some.length) return null;
  return h("section", {}, h("h2", {}, "Samples"), some.slice(0, MOST_BARS).map(([name, each]) =>
    h("details", {}, h("summary", {}, `${name} (${each.length})`),
      h("pre", { class: "text", tabindex: 0 }, each.join("\n")))));
}

function filePanel(result) {
  const file = result?.file;
  if (!file) return null;
  const span = file.time_span ? `, from ${file.time_span[0]} to ${file.time_span[1]}` : "";
  return h("p", { class: "quiet" }, `${format.plural(result.lines ?? 0, "line")}, ${format.bytes(result.bytes)} (${file.format}), read in `
    + `${format.duration(file.seconds)}${file.bytes_per_second ? ` at ${format.bytes(file.bytes_per_second)}/s` : ""}${span}`);
}
