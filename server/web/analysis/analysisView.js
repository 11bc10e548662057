// The part of the page of a job that shows an analysis: the chart over time, patterns and lines,
// then the file, forms for more, kinds of lines, fields and samples.

import { actionButton } from "../lib/dialog.js";
import { h, update } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { stamp, zoneName } from "../lib/timeZone.js";
import { getJobTypes } from "../shared/api.js";
import { hasRole } from "../shared/session.js";
import { isFinal } from "../shared/status.js";
import { analyzeAgain } from "./again.js";
import { ComparisonPanel } from "./comparisonPanel.js";
import { emptyNotes } from "./emptyNotes.js";
import { ExplanationsPanel } from "./explanationsPanel.js";
import { exportLinks } from "./export.js";
import { LinesPanel } from "./linesPanel.js";
import { membersPanel } from "./membersPanel.js";
import { fieldsPanel, templatesPanel } from "./overviewPanels.js";
import { patternsOf } from "./patterns.js";
import { PatternsPanel } from "./patternsPanel.js";
import { QuestionPanel } from "./questionPanel.js";
import { samplesPanel } from "./samplesPanel.js";
import { timelineOf } from "./timeline.js";
import { TimelinePanel } from "./timelinePanel.js";
import { ViewState } from "./viewState.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").JobDocument} JobDocument */

const INCOMPLETE =
  "The file was not read to its end. These are the figures of the lines before that.";

/** Shows the analysis of a job in `element`. Call `stop` when the page is left. */
export class AnalysisView {
  /** @param {import("../app.js").Go} go */
  constructor(go) {
    this.go = go;
    this.view = new ViewState();
    /** @type {JobDocument | null} */
    this.job = null;
    this.head = h("div", { "data-key": "head" });
    this.patterns = new PatternsPanel(this.view, go);
    this.question = new QuestionPanel(this.view, go);
    this.timeline = new TimelinePanel(this.view, (from, until) => this.askForRange(from, until));
    this.explanations = new ExplanationsPanel(this.view, () => this.askToExplain());
    this.lines = new LinesPanel(this.view);
    this.comparison = new ComparisonPanel(this.view);
    this.facts = h("div", { "data-key": "facts" });
    this.rest = h("div", { "data-key": "rest" });
    this.element = h(
      "div",
      { class: "analysis" },
      this.head,
      this.timeline.element,
      this.explanations.element,
      this.patterns.element,
      this.lines.element,
      this.facts,
      this.patterns.forms,
      this.question.element,
      this.rest,
      this.comparison.element,
    );
    this.view.onChange((names) => (names.has("zone") || names.has("field")) && this.draw());
  }

  /** @param {JobDocument} job */
  show(job) {
    if (job.type !== "analyze") return;
    this.job = job;
    const isComplete = job.result !== null;
    const shown = this.shown;
    this.patterns.show(job, shown, isComplete);
    this.timeline.show(shown, this.canAsk && isComplete, patternsOf(job.payload));
    if (isFinal(job.status) && job.upload) this.lines.setJob(job.job_id);
    if (isComplete && shown) this.explanations.show(job.job_id, shown, this.canAsk);
    if (isComplete) this.comparison.setJob(job);
    if (isComplete) this.question.setJob(job);
    this.draw();
  }

  /** The result, or what is known of it: of a job that runs or has failed. */
  get shown() {
    const partial = /** @type {Analysis | null} */ (this.job?.progress ?? null);
    return /** @type {Analysis | null} */ (this.job?.result) ?? (partial?.counts ? partial : null);
  }

  draw() {
    const { job, view, shown } = this;
    const result = /** @type {Analysis | null} */ (job?.result ?? null);
    if (!job || !shown) return;
    if (!result) {
      update(this.head, isFinal(job.status) && h("p", { class: "notice" }, INCOMPLETE));
      update(this.rest, templatesPanel(shown, view, false));
      return;
    }
    update(
      this.head,
      (result.warnings ?? []).map(({ message }) => h("p", { class: "notice" }, message)),
      emptyNotes(job, result),
      this.canAsk &&
        !timelineOf(result) &&
        (job.payload.histogram ?? "none") === "none" &&
        actionButton("Show the lines over time", () => this.askForTimes(job)),
    );
    update(this.facts, fileFacts(result, view.zone), exportLinks(job, result));
    update(
      this.rest,
      templatesPanel(result, view, true),
      fieldsPanel(result, view, this.canAsk ? (fields) => this.askForFields(job, fields) : null),
      membersPanel(result),
      samplesPanel(result),
    );
  }

  /** Whether the reader may ask another question about the file. */
  get canAsk() {
    return Boolean(this.job?.upload) && hasRole("submit");
  }

  /**
   * Analyze the file again, with the values of fields, also over time.
   *
   * @param {JobDocument} job
   * @param {string[]} fields
   */
  async askForFields(job, fields) {
    const payload = {
      ...job.payload,
      fields,
      fields_over_time: job.payload.lines !== false,
    };
    await analyzeAgain(job, payload, this.view, this.go);
  }

  /** Analyze the file again, with explanations of its bursts. */
  async askToExplain() {
    const { job, view, go } = this;
    if (job) await analyzeAgain(job, { ...job.payload, overview: true, explain: true }, view, go);
  }

  /** Analyze the file again, with its lines over time. @param {JobDocument} job */
  async askForTimes(job) {
    const { payload } = (await getJobTypes()).analyze;
    const units = payload.properties?.histogram.enum ?? [];
    const histogram = units.includes("auto") ? "auto" : "minute";
    await analyzeAgain(job, { ...job.payload, lines: true, histogram }, this.view, this.go);
  }

  /**
   * Analyze a range of the file alone. The new page shows the whole range.
   *
   * @param {string} from RFC 3339
   * @param {string} until RFC 3339
   */
  async askForRange(from, until) {
    const { job, view, go } = this;
    if (!job) return;
    view.set({ from: null, to: null });
    await analyzeAgain(job, { ...job.payload, from, until }, view, go);
  }

  stop() {
    this.view.stop();
    this.timeline.stop();
  }
}

/**
 * What the file is, in one line; null if the result does not say.
 *
 * @param {Analysis} analysis
 * @param {import("../lib/timeZone.js").Zone} zone
 */
function fileFacts({ file, lines, records, bytes, overview, selected }, zone) {
  if (!file) return null;
  const span = file.time_span?.map((at) => Date.parse(at) / 1000);
  const log = overview?.format;
  const texts = [
    log?.title &&
      `${log.title} (${Math.floor(log.share * 1000) / 10} % of its ${records === undefined ? "lines" : "records"})`,
    lines !== undefined && format.plural(lines, "line"),
    records !== undefined && format.plural(records, "record"),
    selected && `${format.number(selected.lines)} of them in the chosen range of time`,
    `${format.bytes(bytes ?? 0)} (${file.format})`,
    span && `${stamp(span[0], zone)} to ${stamp(span[1], zone)} ${zoneName(zone, span[0])}`,
    `read in ${format.duration(file.seconds)}${file.bytes_per_second ? ` at ${format.bytes(file.bytes_per_second)}/s` : ""}`,
  ];
  return h("p", { class: "file-facts" }, texts.filter(Boolean).join(" · "));
}
