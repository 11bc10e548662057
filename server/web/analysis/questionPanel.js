// Another question about the same file: a range of time, samples, records of several lines, and how
// they are counted over time. The answer is a new job.

import { runAction } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { Field } from "../lib/field.js";
import { hasRole } from "../shared/session.js";
import { analyzeAgain } from "./again.js";

/** @typedef {import("../types.js").JobDocument} JobDocument */
/** @typedef {import("../lib/dom.js").Properties} Properties */
/** @typedef {{ name: string, label: string, hint: string, input: Properties }} Option */

const TIME = "A time such as 2026-01-31T13:05:00Z, or -1h before the last line.";
/** @type {Option[]} */
const OPTIONS = [
  {
    name: "from",
    label: "Start of the range",
    hint: TIME,
    input: { placeholder: "the first line" },
  },
  { name: "until", label: "End of the range", hint: TIME, input: { placeholder: "the last line" } },
  {
    name: "samples",
    label: "Samples of each pattern",
    hint: "Up to 20 lines, from all times and from each burst.",
    input: { type: "number", min: 0, max: 20, placeholder: "0" },
  },
  {
    name: "context",
    label: "Context of each sample",
    hint: "Up to 5 before and after it.",
    input: { type: "number", min: 0, max: 5, placeholder: "none" },
  },
  {
    name: "records",
    label: "First lines of records",
    hint: "A regex at their start, or multi_line, which finds them.",
    input: { maxlength: 1000, placeholder: "each line counts" },
  },
];

/**
 * Return the option for records: none for lines, and a regex as it is.
 *
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function recordsOf(text) {
  if (["", "lines"].includes(text.trim())) return {};
  return { records: text.trim() === "multi_line" ? "multi_line" : { start: text } };
}

/**
 * Return the text that stands for an option of a payload.
 *
 * @param {unknown} value
 */
function textOf(value) {
  if (value && typeof value === "object" && "start" in value) return String(value.start);
  return value === undefined || value === null || value === "lines" ? "" : String(value);
}

/**
 * Return a payload with other values; an empty text leaves a field out.
 *
 * @param {Record<string, unknown>} payload
 * @param {Record<string, string>} texts by field
 * @param {boolean} isOverTime whether lines are counted over time
 * @returns {Record<string, unknown>}
 */
export function payloadOf(payload, texts, isOverTime) {
  const next = { ...payload };
  for (const [name, text] of Object.entries(texts)) {
    delete next[name];
    if (name === "records") Object.assign(next, recordsOf(text));
    else if (text.trim())
      next[name] = ["samples", "context"].includes(name) ? Number(text) : text.trim();
  }
  if (next.context !== undefined && !next.samples) delete next.context;
  const was = next.histogram ?? "none";
  if (isOverTime && was === "none") next.histogram = "auto";
  if (!isOverTime && was !== "none") delete next.histogram;
  const asksForLines = ["samples", "from", "until", "histogram"].some((name) => next[name]);
  if (next.lines === false && asksForLines) next.lines = true;
  return next;
}

/** Shows the form once the job has ended. Call `setJob` then. */
export class QuestionPanel {
  /**
   * @param {import("./viewState.js").ViewState} view
   * @param {import("../app.js").Go} go
   */
  constructor(view, go) {
    this.view = view;
    this.go = go;
    /** @type {JobDocument | null} */
    this.job = null;
    this.fields = OPTIONS.map(
      ({ name, label, hint, input }) =>
        new Field(name, label, h("input", { id: `question-${name}`, ...input }), hint),
    );
    this.overTime = h("input", { id: "question-over-time", type: "checkbox" });
    this.button = h("button", {}, "Analyze again");
    this.error = h("p", { class: "error-text", role: "alert" });
    this.element = h(
      "details",
      { "data-key": "question", class: "question", hidden: true },
      h("summary", {}, "Range of time, samples, context and records"),
      h(
        "form",
        { onsubmit: (event) => this.submit(event) },
        h(
          "div",
          { class: "fields-row" },
          this.fields.map((field) => field.element),
        ),
        h("label", { class: "box" }, this.overTime, "count lines over time"),
        h("div", { class: "buttons" }, this.button),
        this.error,
      ),
    );
  }

  /** @param {JobDocument} job that has succeeded */
  setJob(job) {
    if (this.job) return;
    this.job = job;
    this.element.hidden = !job.upload || !hasRole("submit");
    for (const { name, input } of this.fields) input.value = textOf(job.payload[name]);
    this.overTime.checked = (job.payload.histogram ?? "none") !== "none";
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    const job = this.job;
    if (!job) return;
    const texts = Object.fromEntries(this.fields.map(({ name, input }) => [name, input.value]));
    const payload = payloadOf(job.payload, texts, this.overTime.checked);
    await runAction(this.button, () => analyzeAgain(job, payload, this.view, this.go), this.error);
  }
}
