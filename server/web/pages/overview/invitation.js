// What the overview shows before the first job: a place for a log, a sample, and the way to a job.

import { h } from "../../lib/dom.js";
import { commandList, submitCommand } from "../../shared/curl.js";
import { analyzeFiles } from "../../shared/drops.js";

const SAMPLE_MINUTES = 120;
const SAMPLE_BURST = 85; // the minute with many errors
const BURST_LINES = 60;

/**
 * The card that invites to a first job.
 *
 * @returns {HTMLElement}
 */
export function invitation() {
  const input = h("input", { type: "file", multiple: true, id: "first-log" });
  input.addEventListener("change", () => analyzeFiles([...(input.files ?? [])]));
  return h(
    "section",
    { class: "drop card", "aria-label": "First steps" },
    h("label", { for: "first-log" }, "Drop a log here, or choose one"),
    input,
    h("p", { class: "quiet" }, "It is analyzed at once: kinds of lines, levels, bursts over time."),
    h(
      "div",
      { class: "buttons" },
      h("button", { onclick: () => analyzeFiles([sampleLog(new Date())]) }, "Analyze a sample log"),
      h("a", { href: "/ui/submit" }, "Submit another job"),
      h("a", { href: "/docs/tutorial" }, "Write a job type"),
    ),
    commandList([["The same from a shell", submitCommand("analyze", {}, {}, "app.log")]]),
  );
}

/**
 * A log of two hours before a time, with a burst of errors.
 *
 * @param {Date} end
 * @returns {File}
 */
export function sampleLog(end) {
  /** @type {string[]} */
  const lines = [];
  for (let minute = 0; minute < SAMPLE_MINUTES; minute++) {
    const at = end.getTime() - (SAMPLE_MINUTES - minute) * 60e3;
    const stamp = (/** @type {number} */ second) =>
      new Date(at + second * 1e3).toISOString().replace(/\.\d+Z$/, "Z");
    for (let n = 0; n < 12; n++)
      lines.push(
        `${stamp(5 * n)} INFO order ${1000 + 12 * minute + n} took ${20 + ((7 * n) % 50)} ms`,
      );
    lines.push(`${stamp(57)} WARN cache of shop-${minute % 3} is ${80 + (minute % 20)} % full`);
    const errors = minute === SAMPLE_BURST ? BURST_LINES : Number(minute % 15 === 0);
    for (let n = 0; n < errors; n++)
      lines.push(`${stamp(58)} ERROR payment of order ${1000 + 12 * minute + n} timed out`);
  }
  return new File([`${lines.join("\n")}\n`], "sample.log", { type: "text/plain" });
}
