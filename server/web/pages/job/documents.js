// The documents of a job as JSON, and the calls of the API as curl commands.

import { h } from "../../lib/dom.js";
import { DEFAULT_QUEUE } from "../../shared/api.js";
import { callCommand, commandList, submitCommand } from "../../shared/curl.js";
import { isSet } from "../../shared/jobFields.js";
import { jobPath } from "../../shared/links.js";
import { canRetry, isFinal } from "../../shared/status.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */

/**
 * The payload, the result or progress, and commands, each folded away unless it is needed often.
 *
 * @param {JobDocument} job
 * @returns {import("../../lib/dom.js").Child[]}
 */
export function jobDocuments(job) {
  const isOpen = job.type !== "analyze"; // the page shows its patterns and its result
  return [
    json("Payload", job.payload, isOpen),
    job.result !== null && json("Result", job.result, isOpen),
    job.result === null && job.progress && json("Progress", job.progress, isOpen),
    h(
      "details",
      { "data-key": "curl" },
      h("summary", {}, "curl commands"),
      commandList(commandsOf(job)),
    ),
  ];
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {boolean} open
 */
function json(name, value, open) {
  return h(
    "details",
    { open, "data-key": name },
    h("summary", {}, name),
    h("pre", { class: "text", tabindex: 0, "aria-label": name }, JSON.stringify(value, null, 2)),
  );
}

/**
 * Return the commands that apply to a job with this status.
 *
 * @param {JobDocument} job
 * @returns {[name: string, command: string][]}
 */
export function commandsOf(job) {
  const path = jobPath(job.job_id);
  const fileName = job.payload.source ? null : (job.upload?.name ?? null);
  /** @type {[name: string, command: string, applies: boolean][]} */
  const all = [
    [
      "Submit a job like this",
      submitCommand(job.type, job.payload, optionsOf(job), fileName),
      true,
    ],
    ["Show", callCommand("GET", path), true],
    ["Cancel", callCommand("POST", `${path}/cancel`), !isFinal(job.status)],
    ["Retry", callCommand("POST", `${path}/retry`), canRetry(job.status)],
    ["Delete", callCommand("DELETE", path), isFinal(job.status)],
    ["Output", callCommand("GET", `${path}/logs`), true],
  ];
  return all.filter(([, , applies]) => applies).map(([name, command]) => [name, command]);
}

/** @param {JobDocument} job */
function optionsOf(job) {
  const { max_retries, max_losses, timeout, priority, queue, tags, metadata, keep_for } = job;
  const { backoff, unique_key, unique, concurrency_key, max_per_key } = job;
  const { memory_bytes, cpu_seconds, max_output_bytes, nice } = job;
  const options = Object.entries({
    max_retries,
    max_losses,
    timeout,
    priority,
    queue: queue === DEFAULT_QUEUE ? null : queue,
    tags: tags?.length ? tags : null,
    metadata,
    keep_for,
    backoff,
    unique_key,
    unique,
    concurrency_key,
    max_per_key,
    memory_bytes,
    cpu_seconds,
    max_output_bytes,
    nice,
  });
  return Object.fromEntries(options.filter(([, value]) => isSet(value)));
}
