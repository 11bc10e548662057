// What has become of each attempt, the newest first, drawn on a common scale of time.

import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

/** The attempts of a job; `showLog` is called with the number of one. */
export function attemptsPanel(job, showLog) {
  if (!job.attempts.length) return h("p", { class: "quiet" }, "None yet.");
  const start = Date.parse(job.attempts[0].started_at);
  const end = Date.parse(job.attempts.at(-1).finished_at ?? new Date().toISOString());
  const scale = { start, span: Math.max(1, end - start) };
  return h("ol", { class: "attempts", reversed: true },
    [...job.attempts].reverse().map((each, at) => attemptItem(each, scale, showLog, at === 0)));
}

/** The log of the newest one is shown on the page anyway. */
function attemptItem(attempt, scale, showLog, isNewest) {
  const outcome = attempt.outcome ?? "running";
  const error = attempt.error;
  return h("li", {},
    h("div", { class: "attempt-head" },
      h("strong", {}, `Attempt ${attempt.attempt}`),
      h("span", { class: `badge ${LOOKS[outcome] ?? "failed"}` }, outcome.replaceAll("_", " ")),
      h("span", { class: "quiet" }, facts(attempt)),
      h("button", { class: "plain", onclick: () => showLog(attempt.attempt) }, "Log")),
    span(attempt, scale, LOOKS[outcome] ?? "failed"),
    error && errorText("error-text", error),
    !isNewest && attempt.last_lines.length > 0 && h("pre", { class: "tail" }, attempt.last_lines.join("\n")));
}

/** An error with its lines as they are; a long one is scrolled, and so has to get the focus. */
export function errorText(kind, { type, message }) {
  const attributes = message.length > LONG ? { tabindex: 0, role: "group", "aria-label": "Error" } : {};
  return h("div", { class: `${kind} told`, ...attributes }, h("strong", {}, type), ` ${message}`);
}

const LONG = 500; // characters that may be more than there is room for
const LOOKS = { returned: "succeeded", running: "running", canceled: "canceled", released: "queued" };

function facts(attempt) {
  const seconds = attempt.seconds ?? format.secondsBetween(attempt.started_at);
  const texts = [format.time(attempt.started_at), format.duration(seconds)];
  if (attempt.cpu_seconds !== null) texts.push(`CPU ${format.duration(attempt.cpu_seconds)}`);
  if (attempt.peak_memory_bytes !== null) texts.push(`peak ${format.bytes(attempt.peak_memory_bytes)}`);
  if (attempt.pid !== null) texts.push(`process ${attempt.pid}`);
  return [...texts, `on ${attempt.runner}`].join(" · ");
}

function span(attempt, { start, span }, look) {
  const from = Date.parse(attempt.started_at) - start;
  const to = (attempt.finished_at ? Date.parse(attempt.finished_at) : Date.now()) - start;
  const bar = h("div", { class: `span ${look}` });
  bar.style.marginLeft = `${Math.min(99, (100 * from) / span)}%`;
  bar.style.width = `${Math.max(0.5, (100 * (to - from)) / span)}%`;
  return h("div", { class: "track", "aria-hidden": "true" }, bar);
}
