// Draws the result or the progress of an `analyze` job: counts as bars, matching lines over time as
// columns.

import { barTable, columnChart } from "../../lib/chart.js";
import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

/** @typedef {import("../../types.js").Analysis} Analysis */
/** @typedef {import("../../types.js").Histogram} Histogram */
/** @typedef {import("../../types.js").JobDocument} JobDocument */

const MOST_BARS = 50;
const MOST_CHARTS = 8;
/** @type {Record<string, number>} */
const UNIT_MS = { second: 1000, minute: 60e3, hour: 3600e3, day: 86400e3 };
const MONTH_MS = 30 * 86400e3; // the unit of a histogram that had too many days

/**
 * The panels for what a job has found so far; none if it is of another type or has found nothing.
 *
 * @param {JobDocument} job
 * @returns {HTMLElement[]}
 */
export function analysisPanels(job) {
  const result = job.type === "analyze" ? asAnalysis(job.result) : null;
  if (result) {
    return [
      ...warningNotices(result),
      countsPanel(result, true),
      ...histogramPanels(result),
      ...samplePanels(result),
      ...filePanel(result),
    ];
  }
  const progress = job.type === "analyze" && job.result === null ? asAnalysis(job.progress) : null;
  return progress ? [countsPanel(progress, false)] : [];
}

/**
 * @param {unknown} value
 * @returns {Analysis | null}
 */
function asAnalysis(value) {
  const hasCounts =
    typeof value === "object" && value !== null && "counts" in value && value.counts;
  return hasCounts ? /** @type {Analysis} */ (value) : null;
}

/** @param {Analysis} analysis */
function warningNotices({ warnings }) {
  return (warnings ?? []).map(({ message }) => h("p", { class: "notice" }, message));
}

/**
 * Sort what belongs to patterns, those with the most occurrences first.
 *
 * @template Value
 * @param {Analysis["counts"]} counts
 * @param {Record<string, Value> | undefined} values by pattern
 * @returns {[string, Value][]}
 */
export function mostFrequentFirst(counts, values) {
  return Object.entries(values ?? {}).sort(([a], [b]) => (counts[b] ?? 0) - (counts[a] ?? 0));
}

/**
 * @param {Analysis} analysis
 * @param {boolean} isComplete
 */
function countsPanel(analysis, isComplete) {
  const all = mostFrequentFirst(analysis.counts, analysis.counts);
  /** @type {[string, number, string][]} */
  const rows = all
    .slice(0, MOST_BARS)
    .map(([name, count]) => [name, count, describeLines(analysis, name)]);
  const more = all.length - rows.length;
  return h(
    "section",
    {},
    h("h2", {}, isComplete ? "Occurrences" : "Occurrences so far"),
    barTable("Occurrences of each pattern", rows),
    more > 0 &&
      h("p", { class: "quiet" }, `${format.plural(more, "more pattern")} in the result below.`),
  );
}

/**
 * Describe the lines that match a pattern: "in 3 lines, from line 5 to line 90". Empty if there are
 * none, or if the job did not look for lines.
 *
 * @param {Analysis} analysis
 * @param {string} name
 * @returns {string}
 */
export function describeLines({ matching_lines, first_line, last_line }, name) {
  const matching = matching_lines?.[name];
  if (!matching) return "";
  const first = format.number(first_line?.[name] ?? 0);
  const last = format.number(last_line?.[name] ?? 0);
  return first === last
    ? `in line ${first}`
    : `in ${format.plural(matching, "line")}, from line ${first} to line ${last}`;
}

/**
 * A section with a chart for each pattern that has matching lines with a time.
 *
 * @param {Analysis} analysis
 */
function histogramPanels({ counts, histogram }) {
  const shown = mostFrequentFirst(counts, histogram).filter(
    ([, { lines, undated_lines: undated }]) => lines.length || undated,
  );
  if (!shown.length) return [];
  return [
    h(
      "section",
      {},
      h("h2", {}, "Over time"),
      shown.slice(0, MOST_CHARTS).map(([name, each]) => histogramChart(name, each)),
      shown.length > MOST_CHARTS &&
        h("p", { class: "quiet" }, "The other patterns are in the result below."),
    ),
  ];
}

/**
 * @param {string} name
 * @param {Histogram} histogram
 */
function histogramChart(name, { unit, lines, undated_lines: undated }) {
  return [
    lines.length > 0 &&
      columnChart(`${name}: matching lines per ${unit}`, lines, UNIT_MS[unit] ?? MONTH_MS),
    undated > 0 &&
      h(
        "p",
        { class: "quiet" },
        `${name}: ${format.plural(undated, "matching line")} without a time`,
      ),
  ];
}

/** @param {Analysis} analysis */
function samplePanels({ counts, samples }) {
  const shown = mostFrequentFirst(counts, samples).filter(([, lines]) => lines.length);
  if (!shown.length) return [];
  return [
    h(
      "section",
      {},
      h("h2", {}, "Sample lines"),
      shown
        .slice(0, MOST_BARS)
        .map(([name, lines]) =>
          h(
            "details",
            { "data-key": name },
            h("summary", {}, `${name} (${lines.length})`),
            h("pre", { class: "text", tabindex: 0 }, lines.join("\n")),
          ),
        ),
    ),
  ];
}

/** @param {Analysis} analysis */
function filePanel({ file, lines, bytes }) {
  if (!file) return [];
  const texts = [
    `${format.plural(lines ?? 0, "line")}, ${format.bytes(bytes ?? 0)} (${file.format})`,
    `read in ${format.duration(file.seconds)}${file.bytes_per_second ? ` at ${format.bytes(file.bytes_per_second)}/s` : ""}`,
    file.time_span && `times from ${file.time_span[0]} to ${file.time_span[1]}`,
  ];
  return [h("p", { class: "quiet" }, texts.filter(Boolean).join(" · "))];
}
