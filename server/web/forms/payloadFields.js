// The fields of a payload: a form made from the schema of its job type, or JSON where the schema
// has no fields or they cannot show a given payload.

import { h, replaceChildren } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import { Field } from "../lib/field.js";
import { FieldParseError } from "./fieldParseError.js";
import { SchemaForm } from "./schemaForm.js";
import { addSetChoices } from "./setChoices.js";

/** @typedef {import("../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../types.js").Schema} Schema */

/** The fields of the payload of one job type. */
export class PayloadFields {
  /**
   * @param {string} type
   * @param {Schema} schema
   * @param {Record<string, unknown> | null} payload shown in the fields; null for a new one
   */
  constructor(type, schema, payload) {
    const form = Object.keys(schema.properties ?? {}).length ? new SchemaForm(schema) : null;
    const isShown = form !== null && (payload === null || form.fill(payload));
    this.form = isShown ? form : null;
    this.json = jsonField(payload ?? {});
    this.element = replaceChildren(
      h("div", {}),
      h("p", { class: "quiet" }, schema.description),
      this.form?.element ?? this.json.element,
    );
    if (this.form && type === "analyze") addSetChoices(this.form.element);
  }

  /**
   * Return the payload.
   *
   * @returns {Record<string, unknown>}
   * @throws {FieldParseError}
   */
  read() {
    if (this.form) return this.form.read();
    let value;
    try {
      value = JSON.parse(this.json.input.value);
    } catch (error) {
      throw new FieldParseError("payload", `invalid JSON: ${messageOf(error)}`);
    }
    if (typeof value === "object" && value && !Array.isArray(value)) return value;
    throw new FieldParseError("payload", 'it must be a JSON object such as {"seconds": 5}');
  }

  /**
   * Show errors of the payload.
   *
   * @param {FieldDocument[]} errors
   * @returns {FieldDocument[]} all other errors
   */
  showErrors(errors) {
    if (this.form) return this.form.showErrors(errors);
    const isMine = (/** @type {FieldDocument} */ { field }) => /^payload\b/.test(field);
    const mine = errors.filter(isMine).map(({ field, detail }) => `${field}: ${detail}`);
    this.json.showError(mine.join("; "));
    return errors.filter((each) => !isMine(each));
  }
}

/** @param {Record<string, unknown>} payload */
function jsonField(payload) {
  const input = h("textarea", { id: "payload-json", rows: 6, spellcheck: "false" });
  input.value = JSON.stringify(payload, null, 2);
  return new Field("payload", "Payload", input, "A JSON object.");
}
