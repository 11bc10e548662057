// The dialog that changes options of a queued job.

import { h } from "../../lib/dom.js";
import { Field } from "../../lib/field.js";
import { formDialog } from "../../lib/formDialog.js";
import { call } from "../../shared/api.js";
import { UNSET } from "../../shared/jobFields.js";
import { jobPath } from "../../shared/links.js";
import { tagsIn } from "../../shared/tags.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {import("../../lib/dom.js").Properties} Properties */

/**
 * Show the options of a queued job, and change those that the reader has edited.
 *
 * @param {JobDocument} job
 * @returns {Promise<JobDocument | null>} the changed job; null if the reader closed the dialog
 */
export function openChangeDialog(job) {
  const fields = changeFields(job);
  const before = changesOf(fields);
  const run = () => call("PATCH", jobPath(job.job_id), edited(before, changesOf(fields)));
  return formDialog("Change the queued job", fields, [{ text: "Change", kind: "primary", run }]);
}

/** @param {JobDocument} job */
function changeFields(job) {
  const number = (/** @type {string} */ name, /** @type {Properties} */ attributes) =>
    h("input", { id: `change-${name}`, type: "number", ...attributes });
  const text = (/** @type {string} */ name, /** @type {string} */ value) =>
    h("input", { id: `change-${name}`, value });
  const { priority, queue, tags, timeout, max_retries: retries } = { ...UNSET, ...job };
  return [
    new Field("priority", "Priority", number("priority", { min: -100, max: 100, value: priority })),
    new Field("run_at", "Not before", text("run_at", job.run_at), "Such as 2030-01-31T12:00:00Z."),
    new Field("queue", "Queue", text("queue", queue)),
    new Field("tags", "Tags", text("tags", tags.join(", ")), "Separated by commas."),
    new Field(
      "timeout",
      "Timeout in seconds",
      number("timeout", { min: 0, step: "any", value: timeout ?? "" }),
      "Empty: no limit.",
    ),
    new Field(
      "max_retries",
      "Retries",
      number("max_retries", { min: 0, max: 100, value: retries }),
    ),
  ];
}

/** @param {Field[]} fields */
function changesOf(fields) {
  return Object.fromEntries(fields.map(({ name, input }) => [name, valueOf(name, input)]));
}

/**
 * @param {string} name
 * @param {import("../../lib/field.js").Input} input
 */
function valueOf(name, { type, value }) {
  if (name === "tags") return tagsIn(value);
  if (type === "number") return value === "" ? null : Number(value);
  return value.trim();
}

/**
 * Return the values that differ.
 *
 * @param {Record<string, unknown>} before
 * @param {Record<string, unknown>} after
 * @returns {Record<string, unknown>}
 */
export function edited(before, after) {
  const isEqual = (/** @type {string} */ name) =>
    JSON.stringify(before[name]) === JSON.stringify(after[name]);
  return Object.fromEntries(Object.entries(after).filter(([name]) => !isEqual(name)));
}
