// What is different in each burst, and in the range of time that the reader has chosen.

import { actionButton } from "../lib/dialog.js";
import { h, update } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import * as format from "../lib/format.js";
import { stamp, zoneName } from "../lib/timeZone.js";
import { get } from "../shared/api.js";
import { jobPath, queryOf } from "../shared/links.js";
import { scrollToLines } from "./linesPanel.js";
import { ALL_LINES, templateRegex } from "./patterns.js";
import { unitOf } from "./patternsPanel.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").CauseDocument} CauseDocument */
/** @typedef {import("../types.js").ExplanationDocument} ExplanationDocument */

const NOTHING = "Nothing differs from the rest of the log.";

/** Shows explanations; hidden if there are none. Call `show` with each new state of the job. */
export class ExplanationsPanel {
  /**
   * @param {import("./viewState.js").ViewState} view
   * @param {() => Promise<void>} ask analyzes the file again, with explanations
   */
  constructor(view, ask) {
    this.view = view;
    this.ask = ask;
    this.id = "";
    this.canAsk = false;
    /** @type {Analysis | null} */
    this.analysis = null;
    /** @type {ExplanationDocument | string | null} that of the chosen range, or an error */
    this.chosen = null;
    this.element = h("section", { hidden: true, "data-key": "explanations" });
    view.onChange((names) => {
      if (names.has("from") || names.has("to")) void this.load();
      else if (names.has("zone")) this.draw();
    });
  }

  /**
   * @param {string} id that of the job
   * @param {Analysis} analysis a complete result
   * @param {boolean} canAsk whether the reader may analyze the file again
   */
  show(id, analysis, canAsk) {
    const isFirst = !this.analysis;
    Object.assign(this, { id, analysis, canAsk });
    this.draw();
    if (isFirst) void this.load();
  }

  /** Ask what is different in the chosen range. */
  async load() {
    const [from, to] = [this.view.get("from"), this.view.get("to")];
    this.chosen = null;
    if (this.analysis?.timeline?.start && from) {
      const query = queryOf(to ? { from, to } : { from });
      /** @type {ExplanationDocument | string} */
      const found = await get(jobPath(this.id, `/range${query}`)).catch(messageOf);
      // The reader may have chosen another range meanwhile.
      if (from !== this.view.get("from") || to !== this.view.get("to")) return;
      this.chosen = found;
    }
    this.draw();
  }

  draw() {
    const { analysis, chosen } = this;
    const { bursts, explanations } = analysis?.overview ?? {};
    const canExplain = this.canAsk && !explanations && Boolean(bursts?.length);
    this.element.hidden = !canExplain && !chosen && !explanations;
    if (this.element.hidden || !analysis) return;
    const first = Date.parse(analysis.timeline?.start ?? "") / 1000;
    update(
      this.element,
      h("h2", {}, `What explains it (${zoneName(this.view.zone, first || 0)})`),
      typeof chosen === "string" && h("p", { class: "notice" }, chosen),
      chosen && typeof chosen !== "string" && this.explanation(chosen, "the chosen range"),
      explanations?.map((each) => this.explanation(each)),
      explanations?.length === 0 && h("p", { class: "quiet" }, "No burst needs an explanation."),
      canExplain && actionButton("Explain the bursts, also by the values of fields", this.ask),
    );
  }

  /**
   * @param {ExplanationDocument} found
   * @param {string} [name]
   */
  explanation(found, name) {
    const unit = unitOf(this.analysis?.counted);
    const [from, until] = [found.from, found.until].map((at) => Date.parse(at) / 1000);
    const time = `${stamp(from, this.view.zone)} to ${stamp(until, this.view.zone)}`;
    const title = `${name ? `${name}: ` : ""}${time}`;
    return h(
      "article",
      { "data-key": `${name ?? ""}${found.from}${found.until}` },
      h(
        "h3",
        {},
        h("button", { class: "plain", onclick: () => this.showLines(found) }, title),
        h("span", { class: "quiet" }, ` ${format.plural(found.lines, unit)}`),
      ),
      found.reasons.length === 0 && h("p", { class: "quiet" }, NOTHING),
      h(
        "ul",
        { class: "reasons" },
        found.reasons.map((reason, at) => {
          const lines = linesOf(found, at);
          if (!lines) return h("li", {}, reason);
          const show = () => this.showLines(found, lines);
          return h("li", {}, h("button", { class: "plain", onclick: show }, reason));
        }),
      ),
    );
  }

  /**
   * Show the lines of a range, and no others.
   *
   * @param {ExplanationDocument} range
   * @param {import("./viewState.js").Changes} [lines]
   */
  showLines({ from, until }, lines = {}) {
    this.view.set({ ...ALL_LINES, from, to: until, ...lines }, true);
    scrollToLines();
  }
}

/**
 * The values of the view that show the lines of a reason; null if these are no certain lines.
 *
 * @param {ExplanationDocument} explanation
 * @param {number} at the index of the reason: first those of causes, then of slow fields, and of
 *   templates that are new or have stopped
 * @returns {import("./viewState.js").Changes | null}
 */
export function linesOf({ causes, slow, first, stopped }, at) {
  const cause = causes[at];
  if (!cause) {
    const seen = [...first, ...stopped][at - causes.length - slow.length];
    return seen ? { regex: templateRegex(seen.template) } : null;
  }
  // Of what is missing, there are no lines in the range.
  if (!cause.inside) return null;
  return {
    level: { level: cause.key },
    status: { status: cause.key },
    template: { regex: templateRegex(cause.text) },
    field: { match: cause.key },
  }[cause.kind];
}
