// Dialogs for admins, which create, change and delete a queue.

import { showMessage } from "../../lib/dialog.js";
import { h } from "../../lib/dom.js";
import { Field } from "../../lib/field.js";
import { formDialog } from "../../lib/formDialog.js";
import { ApiError, call, DEFAULT_QUEUE } from "../../shared/api.js";
import { queuePath } from "../../shared/links.js";

/** @typedef {import("../../types.js").QueueDocument} QueueDocument */

/**
 * Change the given settings of a queue.
 *
 * @param {string} name
 * @param {{ paused?: boolean, max_running?: number | null }} changes
 * @returns {Promise<QueueDocument>}
 * @throws {ApiError}
 */
export const changeQueue = (name, changes) => call("PATCH", queuePath(name), changes);

/**
 * Ask for the name and the limit of a new queue, and create it.
 *
 * @param {() => string[]} existingNames
 * @returns {Promise<boolean>} whether a queue was created
 */
export async function openNewQueueDialog(existingNames) {
  const name = new Field(
    "name",
    "Name",
    h("input", {
      id: "queue-name",
      required: true,
      maxlength: 64,
      autocomplete: "off",
      spellcheck: "false",
    }),
    "Lower-case letters, digits, and . _ - after the first character.",
  );
  const limit = limitField(null);
  const create = async () => {
    const wanted = name.input.value.trim();
    const refusal = refusalOf(wanted, existingNames());
    if (refusal) throw new ApiError(422, refusal, [{ field: "name", detail: refusal }]);
    return call("PUT", queuePath(wanted), { max_running: valueOf(limit) });
  };
  const created = await formDialog(
    "New queue",
    [name, limit],
    [{ text: "Create", kind: "primary", run: create }],
  );
  if (created) showMessage(`Queue ${created.name} created.`);
  return Boolean(created);
}

/**
 * Return why no new queue can have this name; empty if the service can decide. An existing queue
 * would be replaced, and a name of dots alone would be a folder in an address.
 *
 * @param {string} name
 * @param {string[]} existingNames
 * @returns {string}
 */
export function refusalOf(name, existingNames) {
  if (existingNames.includes(name)) return "a queue with this name already exists";
  return /^\.*$/.test(name) ? "it must begin with a letter or a digit" : "";
}

/**
 * Ask for the new limit of a queue, or delete it. Only an empty queue can be deleted.
 *
 * @param {QueueDocument} queue
 * @returns {Promise<"saved" | "deleted" | null>} null if the reader closed the dialog
 */
export async function openChangeQueueDialog(queue) {
  const limit = limitField(queue.max_running);
  /** @type {import("../../lib/formDialog.js").Action<"saved" | "deleted">} */
  const save = {
    text: "Save",
    kind: "primary",
    run: async () => {
      await changeQueue(queue.name, { max_running: valueOf(limit) });
      return "saved";
    },
  };
  /** @type {typeof save} */
  const remove = {
    text: "Delete",
    kind: "danger",
    run: async () => {
      await call("DELETE", queuePath(queue.name));
      return "deleted";
    },
  };
  const isDeletable = queue.name !== DEFAULT_QUEUE && !queue.running && !queue.queued;
  const outcome = await formDialog(
    `Queue ${queue.name}`,
    [limit],
    isDeletable ? [remove, save] : [save],
  );
  if (outcome) showMessage(`Queue ${queue.name} ${outcome}.`);
  return outcome;
}

/** @param {number | null} value */
function limitField(value) {
  const input = h("input", {
    id: "queue-limit",
    type: "number",
    min: 1,
    max: 100000,
    step: 1,
    value,
    placeholder: "no limit",
  });
  return new Field(
    "max_running",
    "Limit",
    input,
    "How many of its jobs may run at the same time, in all workers together. Empty for no limit.",
  );
}

/** @param {Field} field */
const valueOf = ({ input }) => (input.value === "" ? null : Number(input.value));
