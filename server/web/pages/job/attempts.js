// The attempts of a job, the newest first, each with a bar on a common scale of time.

import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { fractionDone } from "../../shared/progress.js";
import { isFinal } from "../../shared/status.js";
import { overwritten } from "./output.js";

/** @typedef {import("../../types.js").AttemptDocument} AttemptDocument */
/** @typedef {{ start: number, span: number }} Scale the start of the scale and its length, in ms */

const USUAL_FRACTION = 2 / 3; // of a running attempt that does not tell how far it is
const FRACTIONS = [0.005, 0.95]; // the least and the most; so the bar of a running one is not full
const LONG_ERROR = 500; // characters; a longer error may not fit, so that it needs a scroll bar
/** @type {Record<string, string>} the look of each outcome, by class; all others look failed */
const LOOKS = {
  returned: "succeeded",
  running: "running",
  canceled: "canceled",
  released: "queued",
};

/**
 * The list of attempts.
 *
 * @param {import("../../types.js").JobDocument} job
 * @param {(attempt: number) => void} showOutput shows the output of an attempt
 * @returns {HTMLElement}
 */
export function attemptsPanel(job, showOutput) {
  if (!job.attempts.length)
    return h(
      "p",
      { class: "quiet" },
      isFinal(job.status) ? "The job ended before it started." : "No attempts yet.",
    );
  const scale = scaleOf(job.attempts, Date.now(), fractionDone(job));
  return h(
    "ol",
    { class: "attempts", reversed: true },
    [...job.attempts].reverse().map((each, at) => attemptItem(each, scale, showOutput, at === 0)),
  );
}

/**
 * Return the scale that covers all attempts. Behind a running one, it has room for the rest.
 *
 * @param {AttemptDocument[]} attempts at least one, the oldest first
 * @param {number} now in ms
 * @param {number | null} [done] the part of a running attempt that is done; null if it is unknown
 * @returns {Scale}
 */
export function scaleOf(attempts, now, done = null) {
  const start = Date.parse(attempts[0].started_at);
  const { started_at: started, finished_at: finished } = attempts[attempts.length - 1];
  const [least, most] = FRACTIONS;
  const fraction = Math.min(most, Math.max(least, done ?? USUAL_FRACTION));
  const last = Date.parse(started);
  const end = finished ? Date.parse(finished) : last + (now - last) / fraction;
  return { start, span: Math.max(1, end - start) };
}

/**
 * @param {AttemptDocument} attempt
 * @param {Scale} scale
 * @param {(attempt: number) => void} showOutput
 * @param {boolean} isNewest the page shows the output of the newest attempt anyway
 */
function attemptItem(attempt, scale, showOutput, isNewest) {
  const outcome = attempt.outcome ?? "running";
  const look = LOOKS[outcome] ?? "failed";
  return h(
    "li",
    { "data-key": attempt.attempt },
    h(
      "div",
      { class: "attempt-head" },
      h("strong", {}, `Attempt ${attempt.attempt}`),
      h("span", { class: `badge ${look}` }, outcome.replaceAll("_", " ")),
      h("span", { class: "quiet" }, facts(attempt)),
      h("button", { class: "plain", onclick: () => showOutput(attempt.attempt) }, "Output"),
    ),
    timeBar(attempt, scale, look),
    attempt.error && errorText("error-text", attempt.error),
    attempt.traceback && traceback(attempt),
    !isNewest &&
      attempt.last_lines.length > 0 &&
      h("pre", { class: "tail" }, overwritten(attempt.last_lines.join("\n"))),
  );
}

/**
 * An error with its line breaks. A long error can be scrolled, so it can get the focus.
 *
 * @param {string} kind a class of the element
 * @param {import("../../types.js").JobError} error
 * @returns {HTMLElement}
 */
export function errorText(kind, { type, message }) {
  const attributes =
    message.length > LONG_ERROR ? { tabindex: 0, role: "group", "aria-label": "Error" } : {};
  return h(
    "div",
    { class: `${kind} multiline`, ...attributes },
    h("strong", {}, type),
    ` ${message}`,
  );
}

/**
 * Where the exception was raised, collapsed.
 *
 * @param {AttemptDocument} attempt
 */
function traceback(attempt) {
  return h(
    "details",
    { class: "traceback" },
    h("summary", {}, `Traceback of attempt ${attempt.attempt}`),
    h("pre", { class: "tail", tabindex: 0 }, attempt.traceback ?? ""),
  );
}

/** @param {AttemptDocument} attempt */
function facts(attempt) {
  const seconds = attempt.seconds ?? format.secondsBetween(attempt.started_at);
  const texts = [format.time(attempt.started_at), format.duration(seconds)];
  if (attempt.cpu_seconds !== null) texts.push(`CPU ${format.duration(attempt.cpu_seconds)}`);
  if (attempt.peak_memory_bytes !== null)
    texts.push(`peak memory ${format.bytes(attempt.peak_memory_bytes)}`);
  if (attempt.pid !== null) texts.push(`process ${attempt.pid}`);
  return [...texts, `on ${attempt.runner}`].join(" · ");
}

/**
 * @param {AttemptDocument} attempt
 * @param {Scale} scale
 * @param {string} look
 */
function timeBar(attempt, { start, span }, look) {
  const from = Date.parse(attempt.started_at) - start;
  const to = (attempt.finished_at ? Date.parse(attempt.finished_at) : Date.now()) - start;
  const style = {
    marginLeft: `${Math.min(99, (100 * from) / span)}%`,
    width: `${Math.max(0.5, (100 * (to - from)) / span)}%`,
  };
  const bar = h("div", { class: `span ${look}`, style });
  return h("div", { class: "track", "aria-hidden": "true" }, bar);
}
