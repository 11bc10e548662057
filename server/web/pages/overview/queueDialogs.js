// Making, changing and deleting a queue: dialogs, for admins.

import { call, DEFAULT_QUEUE, Problem } from "../../shared/api.js";
import { tell } from "../../lib/dialog.js";
import { h } from "../../lib/dom.js";
import { Field } from "../../lib/field.js";
import { formDialog } from "../../lib/formDialog.js";

const path = (name) => `/queues/${encodeURIComponent(name)}`;
const refused = (detail) => new Problem(422, detail, [{ field: "name", detail }]);

/** Make a queue or change it; resolves to what it then is. */
export const putQueue = (name, changes) => call("PUT", path(name), changes);

/** Ask for a new queue, where `names` gives those that there are; resolves to whether it was made. */
export async function newQueue(names) {
  const name = new Field("name", "Name", h("input", { id: "queue-name", required: true, maxlength: 64, autocomplete: "off", spellcheck: "false" }),
    "Of a-z 0-9 . _ - and beginning with a letter or a digit.");
  const limit = limitField(null);
  const make = async () => {
    const wanted = name.input.value.trim();
    if (names().includes(wanted)) throw refused("there is a queue of this name"); // it would be changed
    if (/^\.*$/.test(wanted)) throw refused("it must begin with a letter or a digit"); // in an address, a folder
    return putQueue(wanted, { max_running: valueOf(limit) });
  };
  const made = await formDialog("New queue", [name, limit], [["Make", "primary", make]]);
  if (made) tell(`Queue ${made.name} made.`);
  return Boolean(made);
}

/** Ask for the limit of a queue, or for its end; resolves to what became of it, `saved` or `deleted`. */
export async function changeQueue(queue) {
  const limit = limitField(queue.max_running);
  const save = () => putQueue(queue.name, { max_running: valueOf(limit) }).then(() => "saved");
  const remove = () => call("DELETE", path(queue.name)).then(() => "deleted");
  const mayGo = queue.name !== DEFAULT_QUEUE && !queue.running && !queue.queued;
  const outcome = await formDialog(`Queue ${queue.name}`, [limit],
    [mayGo && ["Delete", "danger", remove], ["Save", "primary", save]].filter(Boolean));
  if (outcome) tell(`Queue ${queue.name} ${outcome}.`);
  return outcome;
}

function limitField(value) {
  const input = h("input", { id: "queue-limit", type: "number", min: 1, max: 100000, step: 1, value, placeholder: "no limit" });
  return new Field("max_running", "Limit", input, "Most of its jobs that run at once, in all workers together; empty: no limit.");
}

const valueOf = ({ input }) => (input.value === "" ? null : Number(input.value));
