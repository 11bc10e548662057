// The output of an attempt: loaded as a whole, which is bounded, and extended by events.

import { h, replaceChildren, setText } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { throttle } from "../../lib/throttle.js";
import { get } from "../../shared/api.js";
import { jobPath } from "../../shared/links.js";

/** @typedef {import("../../types.js").LogEntryDocument} LogEntry */

const LOAD_MS = 500;
const NEAR_END_PIXELS = 30;
const MAX_SHOWN = 5000; // entries; more would make the page slow
const LEVELS = ["debug", "info", "warning", "error", "critical"];

/**
 * What the reader can choose to see, by the value of the option.
 *
 * @type {Record<string, { label: string, matches: (entry: LogEntry) => boolean }>}
 */
export const FILTERS = {
  all: { label: "Everything", matches: () => true },
  log: { label: "Log", matches: ({ stream }) => stream === "log" },
  warning: { label: "Log: warnings and errors", matches: (entry) => isAtLeast(entry, "warning") },
  error: { label: "Log: errors", matches: (entry) => isAtLeast(entry, "error") },
  stdout: { label: "Standard output", matches: ({ stream }) => stream === "stdout" },
  stderr: { label: "Standard error", matches: ({ stream }) => stream === "stderr" },
};

/** Shows the output of the newest attempt, or of one that the reader has chosen. */
export class OutputPanel {
  /** @param {string} jobId */
  constructor(jobId) {
    this.jobId = jobId;
    /** @type {number | null} */
    this.chosenAttempt = null;
    this.newestAttempt = 0;
    this.end = 0; // bytes of output that are shown
    this.isOpen = false; // whether the last line may go on
    /** @type {LogEntry[]} */
    this.entries = [];
    this.title = h("h2", {}, "Output");
    this.select = h(
      "select",
      { id: "output-filter", onchange: () => this.render() },
      Object.entries(FILTERS).map(([value, { label }]) => h("option", { value }, label)),
    );
    this.filter = h(
      "p",
      { class: "output-filter", hidden: true },
      h("label", { for: "output-filter" }, "Show"),
      " ",
      this.select,
    );
    this.text = h("pre", {
      class: "output",
      tabindex: 0,
      hidden: true,
      "aria-label": "Output of the attempt",
    });
    this.note = h("p", { class: "quiet" }, "No output yet.");
    this.element = h("section", {}, this.title, this.filter, this.text, this.note);
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
    this.element.scrollIntoView({ block: "nearest" });
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
  add({ attempt, position, text, entries }) {
    if (attempt !== this.attempt || position < this.end) return;
    if (position > this.end) {
      this.load();
      return;
    }
    this.append(entries ?? [printed(text)], text);
    this.end += byteLength(text);
  }

  async loadNow() {
    const attempt = this.attempt;
    if (!attempt) return;
    try {
      /** @type {import("../../types.js").LogsDocument} */
      const output = await get(jobPath(this.jobId, `/logs?attempt=${attempt}`));
      setText(this.title, `Output of attempt ${attempt}`);
      this.entries = [];
      replaceChildren(this.text);
      const { pieces } = output;
      const entries = output.entries ?? pieces.map(({ text }) => printed(text));
      this.append(entries, pieces.at(-1)?.text ?? "");
      this.end = output.bytes;
      if (!output.bytes) setText(this.note, "No output.");
    } catch (error) {
      setText(this.note, messageOf(error));
    }
  }

  /**
   * Append entries. If the reader has scrolled to the end, the panel stays at the end.
   *
   * @param {LogEntry[]} added
   * @param {string} text of these entries, or the end of it
   */
  append(added, text) {
    const pre = this.text;
    const isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < NEAR_END_PIXELS;
    const entries = this.goOn(added);
    this.entries.push(...entries);
    this.isOpen = !text.endsWith("\n");
    if (this.entries.length > MAX_SHOWN) {
      this.entries = this.entries.slice(-MAX_SHOWN);
      this.render();
    } else {
      pre.append(...this.elements(entries));
      this.tell();
    }
    if (isAtEnd) pre.scrollTop = pre.scrollHeight;
  }

  /**
   * Return the entries with the whole of the line that the first one continues. What was shown of
   * that line is taken away.
   *
   * @param {LogEntry[]} added
   */
  goOn([first, ...others]) {
    const last = this.entries.at(-1);
    if (!first) return [];
    if (!this.isOpen || last?.level !== null || first.level !== null) return [first, ...others];
    if (last.stream !== first.stream) return [first, ...others];
    this.entries.pop();
    if (this.elements([last]).length) this.text.lastChild?.remove();
    return [{ ...last, message: last.message + first.message }, ...others];
  }

  /** Show the entries that the chosen filter selects. */
  render() {
    replaceChildren(this.text, this.elements(this.entries));
    this.tell();
  }

  /** Show the text or, if there is none, the reason. */
  tell() {
    const isCut = this.entries.length === MAX_SHOWN;
    this.text.hidden = !this.text.textContent;
    this.filter.hidden = !this.entries.length;
    const rest = isCut ? `Only the last ${format.number(MAX_SHOWN)} entries.` : "";
    setText(this.note, this.text.hidden && this.entries.length ? "No such output." : rest);
  }

  /** @param {LogEntry[]} entries */
  elements(entries) {
    const { matches } = FILTERS[this.select.value || "all"];
    return entries.filter(matches).map(entryElement);
  }

  stop() {
    this.load.stop();
  }
}

/** @param {LogEntry} entry */
function entryElement(entry) {
  const { time, stream, level } = entry;
  const facts = [time && format.fullTime(time), stream !== "log" && stream];
  const title = facts.filter(Boolean).join(" · ");
  return h("span", { class: `entry ${level ?? stream ?? ""}`, title }, entryText(entry));
}

/**
 * Return a text as a terminal would show it: what follows a carriage return overwrites its line.
 *
 * @param {string} text
 * @returns {string}
 */
export const overwritten = (text) =>
  text.replaceAll(/[^\n]*\r[^\n]*/g, (line) =>
    line.split("\r").reduce((shown, part) => part + shown.slice(part.length)),
  );

/**
 * Return an entry as one or more lines; the time of a log entry is in the reader's time zone.
 *
 * @param {LogEntry} entry
 * @returns {string}
 */
export function entryText({ time, level, logger, message, fields, traceback }) {
  if (level === null) return `${overwritten(message)}\n`;
  const head = `${time ? format.time(time) : ""} ${level.toUpperCase()} ${logger}: `;
  const shown = fields ? ` ${JSON.stringify(fields)}` : "";
  return `${head}${message}${shown}\n${traceback ? `${traceback}\n` : ""}`;
}

/**
 * @param {LogEntry} entry
 * @param {string} lowest
 */
const isAtLeast = ({ level }, lowest) =>
  level !== null && LEVELS.indexOf(level) >= LEVELS.indexOf(lowest);

/**
 * The output that a listener of the release before has sent.
 *
 * @param {string} text
 * @returns {LogEntry}
 */
const printed = (text) => ({
  time: null,
  stream: null,
  level: null,
  logger: null,
  message: text.replace(/\n$/, ""),
  fields: null,
  traceback: null,
  position: 0,
});

/** @param {string} text */
const byteLength = (text) => new TextEncoder().encode(text).length;
