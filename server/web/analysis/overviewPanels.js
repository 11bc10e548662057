// What an analysis has found without patterns: message templates, and the values of fields.

import { actionButton } from "../lib/dialog.js";
import { h, tableHead } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { stamp, zoneName } from "../lib/timeZone.js";
import { fieldCurves } from "./fieldCurves.js";
import { scrollToLines } from "./linesPanel.js";
import { ALL_LINES, templateRegex } from "./patterns.js";
import { unitOf } from "./patternsPanel.js";
import { timelineOf } from "./timeline.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").FieldFigures} FieldFigures */
/** @typedef {import("../types.js").Template} Template */
/** @typedef {import("./viewState.js").ViewState} ViewState */

const MOST_FIELDS = 16;
const NUMBERS = /** @type {const} */ (["min", "mean", "p50", "p95", "p99", "max"]);
const NONE = { ...ALL_LINES, template: null, by: null };

/**
 * The section of the message templates; null if there are none.
 *
 * @param {Analysis} analysis
 * @param {ViewState} view
 * @param {boolean} isComplete false while the file is being read
 * @returns {HTMLElement | null}
 */
export function templatesPanel({ overview, timeline, counted }, view, isComplete) {
  if (!overview?.templates?.length) return null;
  const title = `Kinds of ${unitOf(counted)}s`;
  const { templates, templates_total: total, templates_approximate: isRough } = overview;
  const notes = [
    total > templates.length && `the ${templates.length} most frequent of ${format.number(total)}`,
    isRough && "counts are approximate",
  ].filter(Boolean);
  const burstOf = (/** @type {string} */ id) =>
    overview.bursts?.find(({ kind, key }) => kind === "template" && key === id);
  const rows = templates.map((each) =>
    templateRow(each, view, Boolean(timeline?.templates?.[each.id]), burstOf(each.id)),
  );
  const zone = zoneName(view.zone, Date.parse(templates[0].first_time ?? "") / 1000 || 0);
  return h(
    "section",
    { "data-key": "templates" },
    h("h2", {}, isComplete ? title : `${title} so far`),
    notes.length > 0 && h("p", { class: "quiet" }, `${notes.join("; ")}.`),
    h(
      "div",
      {
        class: "scroll",
        tabindex: 0,
        role: "group",
        "aria-label": title,
      },
      h(
        "table",
        { class: "figures templates" },
        tableHead(["Template", "Lines", "Level", "State", `First (${zone})`, `Last (${zone})`]),
        h("tbody", {}, rows),
      ),
    ),
  );
}

/**
 * @param {Template} template
 * @param {ViewState} view
 * @param {boolean} hasCurve
 * @param {{ from: string, until: string }} [burst] the largest one
 */
function templateRow(template, view, hasCurve, burst) {
  const { id, template: text, count, level, state, first_time: first, last_time: last } = template;
  const show = (/** @type {import("./viewState.js").Changes} */ range = {}) => {
    const curve = hasCurve ? { by: "templates", template: id } : {};
    view.set({ ...NONE, regex: templateRegex(text), ...curve, ...range }, true);
    scrollToLines();
  };
  const time = (/** @type {string | null} */ at, /** @type {number} */ line) =>
    at ? stamp(Date.parse(at) / 1000, view.zone) : `line ${format.number(line)}`;
  return h(
    "tr",
    { "data-key": id },
    h(
      "th",
      { scope: "row" },
      h("button", { class: "plain", title: template.sample, onclick: () => show() }, text),
    ),
    h("td", {}, format.number(count)),
    h("td", {}, level ?? ""),
    h(
      "td",
      {},
      state !== "steady" && h("span", { class: `badge ${STATE_LOOKS[state]}` }, state),
      burst &&
        h(
          "button",
          {
            class: "plain",
            "aria-label": `Lines of the burst of ${text}`,
            onclick: () => show({ from: burst.from, to: burst.until }),
          },
          "its lines",
        ),
    ),
    h("td", {}, time(first, template.first_line)),
    h("td", {}, time(last, template.last_line)),
  );
}

/** @type {Record<string, string>} the look of each state, by class of a status */
const STATE_LOOKS = { new: "running", gone: "canceled", burst: "failed" };

/**
 * The section of the fields; null if there are none. Where values of fields could be counted, it
 * has a button that does so.
 *
 * @param {Analysis} analysis
 * @param {ViewState} view
 * @param {((fields: string[]) => Promise<void>) | null} count null if the reader may not
 * @returns {HTMLElement | null}
 */
export function fieldsPanel(analysis, view, count) {
  const { fields, overview } = analysis;
  const timeline = timelineOf(analysis);
  const all = Object.entries(fields ?? {});
  const known = (overview?.fields ?? []).filter((name) => name !== "time").slice(0, MOST_FIELDS);
  if (!all.length && (!known.length || !count)) return null;
  return h(
    "section",
    { "data-key": "fields" },
    h("h2", {}, "Fields"),
    !all.length && actionButton(`Count the values of ${known.join(", ")}`, () => count?.(known)),
    h(
      "div",
      { class: "charts" },
      all.map(([name, each]) => fieldCard(name, each, view, timeline)),
    ),
  );
}

/**
 * @param {string} name
 * @param {FieldFigures} figures
 * @param {ViewState} view
 * @param {import("./timeline.js").Timeline | null} timeline
 */
function fieldCard(name, figures, view, timeline) {
  const { count, distinct, distinct_error: error, top, number, over_time: overTime } = figures;
  const isChosen = view.get("field") === name;
  const most = Math.max(1, ...top.map((each) => each.count));
  const excess = Math.max(0, ...top.map((each) => each.error));
  const facts = [
    `in ${format.plural(count, "line")}`,
    `${error ? "about " : ""}${format.plural(distinct, "distinct value")}`,
    excess > 0 && `counts are up to ${format.number(excess)} too high`,
  ];
  return h(
    "div",
    { class: "card", "data-key": name },
    h("h3", {}, name),
    h("p", { class: "quiet" }, facts.filter(Boolean).join("; ")),
    number &&
      h(
        "dl",
        { class: "numbers" },
        NUMBERS.map((key) =>
          h("div", {}, h("dt", {}, key), h("dd", {}, format.rough(number[key]))),
        ),
      ),
    overTime &&
      timeline &&
      h(
        "button",
        {
          class: "plain",
          "aria-expanded": String(isChosen),
          onclick: () => view.set({ field: isChosen ? null : name }),
        },
        `${isChosen ? "Hide" : "Show"} ${name} over time`,
      ),
    isChosen && overTime && timeline && fieldCurves(name, overTime, timeline, view.zone),
    h(
      "table",
      { class: "bars" },
      h("caption", {}, `Most frequent values of ${name}`),
      h(
        "tbody",
        {},
        top.map((each) => valueRow(each, most, view)),
      ),
    ),
  );
}

/**
 * @param {FieldFigures["top"][number]} value
 * @param {number} most
 * @param {ViewState} view
 */
function valueRow({ value, count }, most, view) {
  const show = () => {
    view.set({ ...NONE, match: value }, true);
    scrollToLines();
  };
  return h(
    "tr",
    { "data-key": value },
    h(
      "th",
      { scope: "row" },
      h("button", { class: "plain", title: "Show lines with it", onclick: show }, value),
    ),
    h("td", { class: "bar" }, h("meter", { max: most, value: count, "aria-hidden": "true" })),
    h("td", { class: "number" }, format.number(count)),
  );
}
