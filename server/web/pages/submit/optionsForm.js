// The options that every job may have, folded away.

import { DEFAULT_QUEUE } from "../../shared/api.js";
import { h } from "../../lib/dom.js";
import { Field, showErrors } from "../../lib/field.js";

const NUMBERS = [
  ["max_retries", "Retries", { min: 0, max: 100, step: 1, placeholder: "1" }, "How often it may run again after an error."],
  ["timeout", "Timeout in seconds", { min: 0, step: "any", placeholder: "none" }, "An attempt that takes longer is killed."],
  ["priority", "Priority, −100 to 100", { min: -100, max: 100, step: 1, placeholder: "0" }, "Higher goes first."],
  ["delay", "Delay in seconds", { min: 0, step: "any", placeholder: "0" }, "It waits at least so long."],
];

/** Fields for them; for the queue only if there is more than one. */
export class OptionsForm {
  constructor(queues) {
    this.fields = NUMBERS.map(([name, label, limits, hint]) =>
      new Field(name, label, h("input", { type: "number", id: `option-${name}`, ...limits }), hint));
    if (queues.length > 1) this.fields.push(new Field("queue", "Queue", queueSelect(queues), "The one that it waits in."));
    this.element = h("details", {}, h("summary", {}, "Options"), h("div", { class: "fields" }, this.fields.map((field) => field.element)));
  }

  /** Those that are given. */
  read() {
    const given = this.fields.filter(({ input }) => input.value !== "");
    return Object.fromEntries(given.map(({ name, input }) => [name, input.type === "number" ? Number(input.value) : input.value]));
  }

  /** Show errors of the service at their fields; those that have none. */
  showErrors(errors) {
    const rest = showErrors(this.fields, errors);
    if (rest.length < errors.length) this.element.open = true;
    return rest;
  }
}

function queueSelect(queues) {
  const names = queues.map(({ name, paused }) =>
    h("option", { value: name === DEFAULT_QUEUE ? "" : name, selected: name === DEFAULT_QUEUE }, paused ? `${name} (paused)` : name));
  return h("select", { id: "option-queue" }, names);
}
