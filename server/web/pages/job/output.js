// The output of an attempt: loaded as a whole, which is bounded, and extended by events.

import { h, replaceChildren, setText } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { throttle } from "../../lib/throttle.js";
import { get } from "../../shared/api.js";
import { jobPath } from "../../shared/links.js";

const LOAD_MS = 500;
const NEAR_END_PIXELS = 30;

/** Shows the output of the newest attempt, or of one that the reader has chosen. */
export class OutputPanel {
  /** @param {string} jobId */
  constructor(jobId) {
    this.jobId = jobId;
    /** @type {number | null} */
    this.chosenAttempt = null;
    this.newestAttempt = 0;
    this.end = 0; // bytes of output that are shown
    this.title = h("h2", {}, "Output");
    this.text = h("pre", {
      class: "output",
      tabindex: 0,
      hidden: true,
      "aria-label": "Output of the attempt",
    });
    this.note = h("p", { class: "quiet" }, "No output yet.");
    this.element = h("section", {}, this.title, this.text, this.note);
    this.load = throttle(LOAD_MS, () => this.loadNow());
  }

  get attempt() {
    return this.chosenAttempt ?? this.newestAttempt;
  }

  /**
   * Show the output of this attempt, also after newer attempts have begun.
   *
   * @param {number} attempt
   */
  choose(attempt) {
    this.chosenAttempt = attempt;
    this.load();
  }

  /**
   * Tell the number of the newest attempt, 0 before the first one, and whether the job has ended.
   *
   * @param {number} attempt
   * @param {boolean} isEnd
   */
  setNewest(attempt, isEnd) {
    if (!attempt) setText(this.note, isEnd ? "No output." : "No output yet.");
    if (attempt === this.newestAttempt) return;
    this.newestAttempt = attempt;
    if (attempt && !this.chosenAttempt) this.load();
  }

  /**
   * Append an event's output if it follows the shown output. After a gap, load everything again.
   *
   * @param {import("../../types.js").OutputEvent} event
   */
  add({ attempt, position, text }) {
    if (attempt !== this.attempt || position < this.end) return;
    if (position > this.end) {
      this.load();
      return;
    }
    this.append(text);
    this.end += byteLength(text);
  }

  async loadNow() {
    const attempt = this.attempt;
    if (!attempt) return;
    try {
      /** @type {import("../../types.js").LogsDocument} */
      const output = await get(jobPath(this.jobId, `/logs?attempt=${attempt}`));
      setText(this.title, `Output of attempt ${attempt}`);
      replaceChildren(this.text);
      this.append(textOf(output));
      this.end = output.bytes;
      setText(this.note, output.bytes ? "" : "No output.");
    } catch (error) {
      setText(this.note, messageOf(error));
    }
  }

  /**
   * Append text. If the reader has scrolled to the end, the panel stays at the end.
   *
   * @param {string} text
   */
  append(text) {
    const pre = this.text;
    const isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < NEAR_END_PIXELS;
    pre.append(text);
    pre.hidden = !pre.textContent;
    if (!pre.hidden) setText(this.note, "");
    if (isAtEnd) pre.scrollTop = pre.scrollHeight;
  }

  stop() {
    this.load.stop();
  }
}

/**
 * Return stored output as text. A note in brackets stands for a gap, where output was not kept.
 *
 * @param {Pick<import("../../types.js").LogsDocument, "pieces">} output
 * @returns {string}
 */
export function textOf(output) {
  let text = "";
  let end = 0;
  for (const piece of output.pieces) {
    if (piece.position > end) text += `[${format.bytes(piece.position - end)} not kept]\n`;
    text += piece.text;
    end = piece.position + byteLength(piece.text);
  }
  return text;
}

/** @param {string} text */
const byteLength = (text) => new TextEncoder().encode(text).length;
