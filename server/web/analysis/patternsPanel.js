// The patterns of an analysis with their counts. One can be added or removed: the same file is then
// analyzed again as a new job, whose page follows.

import { runAction } from "../lib/dialog.js";
import { h, setText, update } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { hasRole } from "../shared/session.js";
import { analyzeAgain } from "./again.js";
import { colorOf } from "./colors.js";
import { scrollToLines } from "./linesPanel.js";
import { PatternFields } from "./patternFields.js";
import { ALL_LINES, keyOf, linesOf, patternsOf, payloadWith } from "./patterns.js";
import { SetsRow } from "./setsRow.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").JobDocument} JobDocument */
/** @typedef {import("../types.js").Pattern} Pattern */

const MOST_ROWS = 50;

/** Shows the counts and, in `forms`, a form for another pattern once the job has ended. */
export class PatternsPanel {
  /**
   * @param {import("./viewState.js").ViewState} view
   * @param {import("../app.js").Go} go
   */
  constructor(view, go) {
    this.view = view;
    this.go = go;
    /** @type {JobDocument | null} */
    this.job = null;
    /** @type {Analysis | null} */
    this.analysis = null;
    this.title = h("h2", {});
    this.rows = h("tbody", {});
    this.table = h(
      "table",
      { class: "bars" },
      h("caption", {}, "Occurrences of each pattern"),
      this.rows,
    );
    this.more = h("p", { class: "quiet" });
    this.fields = new PatternFields("new-pattern", "Another pattern");
    this.button = h("button", {}, "Add");
    this.sets = new SetsRow(
      () => /** @type {unknown[]} */ (this.job?.payload.patterns ?? []),
      (button, set) => this.analyze(button, patternsOf(this.job?.payload ?? {}), [set]),
    );
    this.error = h("p", { class: "error-text", role: "alert" });
    this.form = h(
      "form",
      { class: "pattern-form", onsubmit: (event) => this.add(event), hidden: true },
      this.fields.element,
      this.button,
    );
    this.element = h(
      "section",
      { "data-key": "patterns", hidden: true },
      this.title,
      this.table,
      this.more,
    );
    this.forms = h(
      "section",
      { "data-key": "pattern-forms", hidden: true, "aria-label": "More patterns" },
      this.form,
      this.sets.element,
      this.error,
    );
    view.onChange((names) => names.has("color") && this.draw());
  }

  /**
   * @param {JobDocument} job
   * @param {Analysis | null} analysis its result, or its progress
   * @param {boolean} isComplete
   */
  show(job, analysis, isComplete) {
    this.job = job;
    this.analysis = analysis;
    const isAsked = Object.keys(analysis?.counts ?? {}).length > 0;
    this.element.hidden = !isAsked;
    setText(this.title, isComplete ? "Patterns" : "Occurrences so far");
    this.form.hidden = !isComplete || !job.upload || !hasRole("submit");
    this.sets.show(this.form.hidden);
    this.forms.hidden = this.form.hidden;
    this.draw();
  }

  draw() {
    const { analysis, job, view } = this;
    const counts = analysis?.counts ?? {};
    const colors = view.colors;
    const keys = Object.keys(counts);
    const sorted = mostFrequentFirst(counts, counts);
    const most = Math.max(1, ...sorted.slice(0, 1).map(([, count]) => count));
    const patterns = new Map(patternsOf(job?.payload ?? {}).map((each) => [keyOf(each), each]));
    const rows = sorted.slice(0, MOST_ROWS).map(([key, count]) => {
      const color = colorOf(key, keys.indexOf(key), colors);
      return this.row(key, count, most, color, patterns.get(key));
    });
    update(this.rows, rows);
    this.table.hidden = !rows.length;
    const more = keys.length - rows.length;
    setText(
      this.more,
      more > 0 ? `${format.plural(more, "more pattern")} in the result below.` : "",
    );
  }

  /**
   * @param {string} key
   * @param {number} count
   * @param {number} most
   * @param {string} color
   * @param {Pattern | undefined} pattern undefined for one that is not in the payload
   */
  row(key, count, most, color, pattern) {
    const canChange = !this.form.hidden;
    const lines = canChange && pattern && linesOf(pattern);
    const showLines = () => {
      this.view.set({ ...ALL_LINES, ...lines, template: null, by: null }, true);
      scrollToLines();
    };
    const setColor = (/** @type {Event} */ { currentTarget }) =>
      this.view.setColor(key, /** @type {HTMLInputElement} */ (currentTarget).value);
    const remove = (/** @type {MouseEvent} */ { currentTarget }) =>
      this.remove(/** @type {HTMLButtonElement} */ (currentTarget), key);
    return h(
      "tr",
      { "data-key": key },
      h(
        "td",
        {},
        h("input", {
          type: "color",
          value: color,
          "aria-label": `Color of ${key}`,
          onchange: setColor,
        }),
      ),
      h(
        "th",
        { scope: "row" },
        lines
          ? h("button", { class: "plain", title: "Show its lines", onclick: showLines }, key)
          : key,
      ),
      h("td", { class: "bar" }, h("meter", { max: most, value: count, "aria-hidden": "true" })),
      h("td", { class: "number" }, format.number(count)),
      h("td", { class: "quiet" }, this.analysis && describeLines(this.analysis, key)),
      canChange &&
        pattern &&
        h(
          "td",
          {},
          h("button", { class: "plain", "aria-label": `Remove ${key}`, onclick: remove }, "×"),
        ),
    );
  }

  /** @param {SubmitEvent} event */
  add(event) {
    event.preventDefault();
    const pattern = this.fields.read();
    if (!pattern || !this.job) return void this.fields.text.focus();
    this.analyze(this.button, [...patternsOf(this.job.payload), pattern]);
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} key
   */
  remove(button, key) {
    const rest = patternsOf(this.job?.payload ?? {}).filter((each) => keyOf(each) !== key);
    this.analyze(button, rest);
  }

  /**
   * Analyze the file again with these patterns, and show the new job in the same view.
   *
   * @param {HTMLButtonElement} button
   * @param {Pattern[]} patterns
   * @param {string[]} [sets] names of pattern sets to add
   */
  async analyze(button, patterns, sets) {
    const job = this.job;
    if (!job) return;
    const payload = { ...payloadWith(job, patterns), ...(sets ? { pattern_sets: sets } : {}) };
    await runAction(button, () => analyzeAgain(job, payload, this.view, this.go), this.error);
  }
}

/**
 * Sort what belongs to patterns, those with the most occurrences first.
 *
 * @template Value
 * @param {Record<string, number>} counts
 * @param {Record<string, Value> | undefined} values by pattern
 * @returns {[string, Value][]}
 */
export function mostFrequentFirst(counts, values) {
  return Object.entries(values ?? {}).sort(([a], [b]) => (counts[b] ?? 0) - (counts[a] ?? 0));
}

/**
 * Return what an analysis counts: "line" or "record".
 *
 * @param {Analysis["counted"]} counted
 */
export const unitOf = (counted) => (counted === "records" ? "record" : "line");

/**
 * Describe the lines that match a pattern: "in 3 lines, from line 5 to line 90". Empty if there are
 * none, or if the job did not look for lines.
 *
 * @param {Analysis} analysis
 * @param {string} name
 * @returns {string}
 */
export function describeLines({ matching_lines, first_line, last_line, counted }, name) {
  const matching = matching_lines?.[name];
  if (!matching) return "";
  const first = format.number(first_line?.[name] ?? 0);
  const last = format.number(last_line?.[name] ?? 0);
  return first === last
    ? `in line ${first}`
    : `in ${format.plural(matching, unitOf(counted))}, from line ${first} to line ${last}`;
}
