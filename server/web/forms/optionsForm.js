// The options that every job may have, folded away.

import { h } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import { Field, foldedFields, showErrors } from "../lib/field.js";
import { DEFAULT_QUEUE } from "../shared/api.js";
import { metadataIn, metadataText } from "../shared/metadata.js";
import { tagsIn } from "../shared/tags.js";
import { FieldParseError } from "./fieldParseError.js";

/** @typedef {import("../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../types.js").QueueDocument} QueueDocument */

/** @typedef {import("../lib/dom.js").Properties} Properties */
/** @typedef {import("../lib/field.js").Input} Input */

/** @type {[name: string, label: string, attributes: Properties, hint: string][]} */
const NUMBERS = [
  [
    "max_retries",
    "Retries",
    { min: 0, max: 100, step: 1, placeholder: "1" },
    "How often the job may run again after an error.",
  ],
  [
    "max_losses",
    "Losses",
    { min: 0, max: 100, step: 1, placeholder: "10" },
    "How often the job may run again after its worker died.",
  ],
  [
    "timeout",
    "Timeout in seconds",
    { min: 0, step: "any", placeholder: "none" },
    "An attempt that takes longer is killed.",
  ],
  [
    "priority",
    "Priority, −100 to 100",
    { min: -100, max: 100, step: 1, placeholder: "0" },
    "Jobs with a higher priority run first.",
  ],
  [
    "delay",
    "Delay in seconds",
    { min: 0, step: "any", placeholder: "0" },
    "The job waits for at least this long.",
  ],
  [
    "expires_in",
    "Expires after seconds",
    { min: 0, step: "any", placeholder: "never" },
    "A job that has not started by then is canceled.",
  ],
  [
    "keep_for",
    "Keep for, in seconds",
    { min: 0, step: "any", placeholder: "as the service is set up" },
    "How long after its end the job is deleted.",
  ],
  [
    "memory_bytes",
    "Memory in bytes",
    { min: 67108864, step: 1, placeholder: "as the worker allows" },
    "A process of the job that needs more fails.",
  ],
  [
    "cpu_seconds",
    "CPU time in seconds",
    { min: 1, step: 1, placeholder: "as the worker allows" },
    "An attempt that uses more is ended.",
  ],
  [
    "max_output_bytes",
    "Output in bytes",
    { min: 0, max: 16777216, step: 1, placeholder: "as the worker says" },
    "How much of what an attempt prints and logs is kept.",
  ],
  [
    "nice",
    "Niceness, 0 to 19",
    { min: 0, max: 19, step: 1, placeholder: "as the worker says" },
    "A higher value leaves more CPU time to other jobs.",
  ],
];

/** @param {string} placeholder */
const text = (placeholder) => (/** @type {string} */ id) => h("input", { id, placeholder });
const moment = (/** @type {string} */ id) => h("input", { type: "datetime-local", step: 1, id });
/** @param {[value: string, label: string][]} choices */
const choice = (choices) => (/** @type {string} */ id) =>
  h(
    "select",
    { id },
    choices.map(([value, label]) => h("option", { value }, label)),
  );

/** @type {[name: string, label: string, input: (id: string) => Input, hint: string][]} */
const OTHERS = [
  ["tags", "Tags", text("nightly, customer:42"), "Names to find the job by, separated by commas."],
  ["run_at", "Run at", moment, "The job does not start before."],
  ["finish_by", "Finish by", moment, "The job is refused if it is expected to end later."],
  [
    "metadata",
    "Metadata",
    (id) => h("textarea", { id, rows: 2, placeholder: "order=7" }),
    "What the job is for, as name=value, one on each line. It is stored with the job.",
  ],
  ["after", "Runs after", text("none"), "Ids of jobs that have to end first, separated by commas."],
  ["input", "Input from", text("none"), "Id of a job whose result the job gets."],
  [
    "on_failure",
    "If one of these jobs fails",
    choice([
      ["", "cancel this one"],
      ["run", "run it all the same"],
    ]),
    "What happens to the job if a job that it waits for does not succeed.",
  ],
  [
    "backoff",
    "Waits before retries",
    text("1, 10, 60"),
    "Seconds, separated by commas; the last one repeats.",
  ],
  [
    "concurrency_key",
    "Concurrency key",
    text("none"),
    "Of jobs with this key, only some run at once.",
  ],
  [
    "max_per_key",
    "Jobs per concurrency key",
    (id) => h("input", { id, type: "number", min: 1, max: 1000, step: 1, placeholder: "1" }),
    "How many jobs with the concurrency key may run at once.",
  ],
  ["unique_key", "Unique key", text("none"), "Only one job at a time has this key."],
  [
    "unique",
    "The unique key is held",
    choice([
      ["", "until the job has ended"],
      ["queued", "until the job starts"],
      ["final", "as long as the job exists"],
    ]),
    "How long the job keeps other jobs with its unique key away.",
  ],
  [
    "if_exists",
    "If another job has the unique key",
    choice([
      ["", "refuse this one"],
      ["return", "show the other one"],
      ["replace", "replace the other one, if it is queued"],
    ]),
    "What happens to a job whose unique key is held.",
  ],
  ["callback_url", "Callback", text("https://"), "An address that is told the end of the job."],
];

/** Fields for the options. The field for the queue is there only if there are several queues. */
export class OptionsForm {
  /**
   * @param {QueueDocument[]} queues
   * @param {string[] | null} [only] the names of the options that have a field; null for all
   */
  constructor(queues, only = null) {
    /** @type {Record<string, unknown>} the options of `fill` that no field can show */
    this.others = {};
    this.fields = NUMBERS.map(
      ([name, label, attributes, hint]) =>
        new Field(
          name,
          label,
          h("input", { type: "number", id: `option-${name}`, ...attributes }),
          hint,
        ),
    );
    for (const [name, label, input, hint] of OTHERS)
      this.fields.push(new Field(name, label, input(`option-${name}`), hint));
    if (queues.length > 1)
      this.fields.push(
        new Field("queue", "Queue", queueSelect(queues), "The queue in which the job waits."),
      );
    if (only) this.fields = this.fields.filter(({ name }) => only.includes(name));
    this.element = foldedFields("Options", this.fields);
  }

  /**
   * Return the options that were given.
   *
   * @returns {Record<string, unknown>}
   * @throws {FieldParseError}
   */
  read() {
    const given = this.fields.filter(({ input }) => input.value.trim() !== "");
    const pairs = given.map(({ name, input }) => [name, valueOf(name, input)]);
    return { ...this.others, ...Object.fromEntries(pairs) };
  }

  /**
   * Fill the fields. Options without a field are kept: `read` returns them, too.
   *
   * @param {Record<string, unknown>} options
   */
  fill(options) {
    for (const [name, value] of Object.entries(options)) {
      const input = this.fields.find((each) => each.name === name)?.input;
      const text = textOf(name, value);
      if (input) input.value = text;
      if (input?.value !== text) this.others[name] = value; // such as a queue that was deleted
    }
    this.element.open = Object.keys(options).length > 0;
  }

  /**
   * Show errors at the options that they name.
   *
   * @param {FieldDocument[]} errors
   * @returns {FieldDocument[]} all other errors
   */
  showErrors(errors) {
    const rest = showErrors(this.fields, errors);
    if (rest.length < errors.length) this.element.open = true;
    return rest;
  }
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function textOf(name, value) {
  if (Array.isArray(value)) return value.join(", ");
  if (name === "input") return /** @type {{ from: string }} */ (value).from;
  if (name === "metadata") return metadataText(/** @type {Record<string, unknown>} */ (value));
  return name === "queue" && value === DEFAULT_QUEUE ? "" : String(value);
}

/** @param {string} text */
const timeIn = (text) => new Date(text).toISOString();

/** @type {Record<string, (text: string) => unknown>} how the texts of some fields are read */
const TEXTS = {
  tags: tagsIn,
  metadata: metadataIn,
  finish_by: timeIn,
  run_at: timeIn,
  after: tagsIn,
  input: (text) => ({ from: text.trim() }),
  backoff: (text) => tagsIn(text).map(Number),
};

/**
 * @param {string} name
 * @param {import("../lib/field.js").Input} input
 */
function valueOf(name, { type, value }) {
  try {
    if (TEXTS[name]) return TEXTS[name](value);
  } catch (error) {
    throw new FieldParseError(name, messageOf(error));
  }
  return type === "number" ? Number(value) : value;
}

/** @param {QueueDocument[]} queues */
function queueSelect(queues) {
  const options = queues.map(({ name, paused }) =>
    h(
      "option",
      { value: name === DEFAULT_QUEUE ? "" : name, selected: name === DEFAULT_QUEUE },
      paused ? `${name} (paused)` : name,
    ),
  );
  return h("select", { id: "option-queue" }, options);
}
