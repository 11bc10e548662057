// What an attempt prints: loaded whole, which is bounded, and added to as events come.

import { get, jobPath } from "../../shared/api.js";
import { h, put, setText } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { paced } from "../../lib/throttle.js";

const LOAD_MS = 500;

export class LogPanel {
  constructor(jobId) {
    Object.assign(this, { jobId, attempt: null, newest: 0, end: 0 });
    this.title = h("h2", {}, "Log");
    this.text = h("pre", { class: "log", tabindex: 0, "aria-label": "Log of the attempt" });
    this.note = h("p", { class: "quiet" }, "Nothing is printed yet.");
    this.element = h("section", {}, this.title, this.text, this.note);
    this.text.hidden = true;
    this.load = paced(LOAD_MS, () => this.loadNow());
  }

  /** Show that of an attempt; of the newest, also when there is a newer one, unless one is named. */
  show(attempt) {
    this.attempt = attempt;
    this.load();
  }

  /** The job is at this attempt now. */
  at(newest) {
    if (newest === this.newest) return;
    this.newest = newest;
    if (newest && !this.attempt) this.load();
  }

  /** An event of the log: added where it follows what is here; else what is missing is loaded. */
  add({ attempt, position, text }) {
    if (attempt !== (this.attempt ?? this.newest)) return;
    if (position < this.end) return;
    if (position > this.end) return this.load();
    this.append(text);
    this.end += new TextEncoder().encode(text).length;
  }

  async loadNow() {
    const attempt = this.attempt ?? this.newest;
    if (!attempt) return;
    try {
      const log = await get(jobPath(this.jobId, `/logs?attempt=${attempt}`));
      setText(this.title, `Log of attempt ${attempt}`);
      put(this.text);
      this.append(pieces(log));
      this.end = log.bytes;
      setText(this.note, log.bytes ? "" : "Nothing was printed.");
    } catch (error) {
      setText(this.note, error.message);
    }
  }

  append(text) {
    const pre = this.text;
    const follows = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 30;
    pre.append(text);
    pre.hidden = !pre.textContent;
    if (!pre.hidden) setText(this.note, "");
    if (follows) pre.scrollTop = pre.scrollHeight;
  }

  stop() {
    this.load.stop();
  }
}

function pieces(log) {
  let [text, end] = ["", 0];
  for (const piece of log.pieces) {
    if (piece.position > end) text += `[${format.bytes(piece.position - end)} are not kept]\n`;
    text += piece.text;
    end = piece.position + new TextEncoder().encode(piece.text).length;
  }
  return text;
}
