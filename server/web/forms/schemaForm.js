// A form for a payload, generated from its JSON Schema.
//
//   string, number, integer, boolean, enum ─▶ an input
//   array that may hold strings            ─▶ a text with one string per line, and rows for objects
//   object with known properties           ─▶ a group of fields
//   anything else                          ─▶ JSON

import { h, replaceChildren } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import { Field, foldedFields } from "../lib/field.js";
import { FieldParseError } from "./fieldParseError.js";
import { hintOf, inlined, kindOf, KINDS, labelOf, objectOf, rowOf } from "./schemaKinds.js";

/** @typedef {import("../lib/field.js").Input} Input */
/** @typedef {import("../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../types.js").Schema} Schema */
/** @typedef {import("./schemaKinds.js").Definitions} Definitions */

const MOST_OPEN = 6; // fields; a longer form folds those that may be left out

/**
 * One field for each property of a schema. Of many fields, the form shows those that are required,
 * or else the first, and folds the others.
 */
export class SchemaForm {
  /**
   * @param {Schema} schema
   * @param {string} [id] begins the ids of all inputs
   * @param {Definitions} [definitions]
   */
  constructor(schema, id = "field", definitions = schema.$defs ?? {}) {
    const required = new Set(schema.required ?? []);
    /** @type {(PropertyField | GroupField)[]} */
    this.fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const of = { name, property, id: `${id}-${name}`, definitions };
      return objectOf(property, definitions)
        ? new GroupField(of, required.has(name))
        : new PropertyField(of, required.has(name));
    });
    const isShort = this.fields.length <= MOST_OPEN;
    const isFolded = (/** @type {string} */ name, /** @type {number} */ at) =>
      !isShort && (required.size ? !required.has(name) : at > 0);
    this.folded = this.fields.filter(({ name }, at) => isFolded(name, at));
    this.more = foldedFields(`More fields (${this.folded.length})`, this.folded);
    /** @type {HTMLElement} */
    this.element = h(
      "div",
      { class: "fields" },
      this.fields.filter((each) => !this.folded.includes(each)).map(({ element }) => element),
      this.folded.length > 0 && this.more,
    );
  }

  /**
   * Unfold the fields if this one is among them.
   *
   * @param {PropertyField | GroupField} field
   */
  reveal(field) {
    if (this.folded.includes(field)) this.more.open = true;
  }

  /**
   * Return the payload. Empty fields are left out, so that the service applies its defaults.
   *
   * @returns {Record<string, unknown>}
   * @throws {FieldParseError}
   */
  read() {
    const pairs = this.fields.map((field) => [field.name, field.read()]);
    return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
  }

  /**
   * Fill the fields with a payload.
   *
   * @param {Record<string, unknown>} payload
   * @returns {boolean} whether the fields can show all of it
   */
  fill(payload) {
    for (const field of this.fields) {
      const value = payload[field.name];
      if (value === undefined || value === null) continue;
      field.fill(value);
      this.reveal(field);
    }
    try {
      return covers(this.read(), payload);
    } catch {
      return false;
    }
  }

  /**
   * Choose an option of a field, if it has that option.
   *
   * @param {string} name
   * @param {string} value
   */
  preset(name, value) {
    const select = this.element.querySelector(`select[name="${CSS.escape(name)}"]`);
    if (!(select instanceof HTMLSelectElement)) return;
    if ([...select.options].some((option) => option.value === value)) select.value = value;
  }

  /**
   * Show errors at the properties that they name, as in "payload.patterns[1]".
   *
   * @param {FieldDocument[]} errors
   * @returns {FieldDocument[]} all other errors
   */
  showErrors(errors) {
    for (const field of this.fields) field.showError("");
    return errors.filter(({ field: path, detail }) => {
      const [, name, rest] = /^payload\.([^.[]+)(.*)$/s.exec(path) ?? [];
      const found = this.fields.find((each) => each.name === name);
      if (!found) return true;
      found.showError(detail, rest);
      this.reveal(found);
      return false;
    });
  }
}

/**
 * Return whether a value has all that another one has. Null and a missing field are alike.
 *
 * @param {unknown} value
 * @param {unknown} other
 * @returns {boolean}
 */
export function covers(value, other) {
  if (typeof value !== "object" || typeof other !== "object" || !value || !other)
    return value === other || (value === undefined && other === null);
  if (Array.isArray(value) !== Array.isArray(other)) return false;
  if (Array.isArray(value) && Array.isArray(other) && value.length !== other.length) return false;
  const fields = /** @type {Record<string, unknown>} */ (value);
  return Object.entries(other).every(([name, each]) => covers(fields[name], each));
}

/** @typedef {{ name: string, property: Schema, id: string, definitions: Definitions }} Of */

class PropertyField {
  /**
   * @param {Of} of
   * @param {boolean} required
   */
  constructor({ name, property, id, definitions }, required) {
    this.name = name;
    const schema = inlined(property, definitions);
    const kindName = kindOf(schema);
    this.kind = KINDS[kindName];
    const input = this.kind.create(schema, { id, name, required });
    const label = [labelOf(name, property), required && h("span", { class: "quiet" }, " required")];
    const hint = [hintOf(property), this.kind.hint].filter(Boolean).join(" ");
    this.field = new Field(name, label, input, hint);
    this.field.element.classList.add(kindName);
    this.element = this.field.element;
    const row = kindName === "texts" && rowOf(property, definitions);
    this.rows = row ? new Rows(row, id, definitions, input) : null;
    if (this.rows) this.element.append(this.rows.element);
  }

  /**
   * @param {string} text
   * @param {string} [path] of the part that is wrong, as in "[1].pattern"
   */
  showError(text, path = "") {
    const [, index, name] = /^(?:\[(\d+)\])?\.?(.*)$/s.exec(path) ?? [];
    const place = [index && `entry ${Number(index) + 1}`, name].filter(Boolean).join(", ");
    this.field.showError(place ? `${place}: ${text}` : text);
  }

  /** @param {unknown} value */
  fill(value) {
    this.kind.fill(this.field.input, value);
  }

  read() {
    try {
      const value = this.kind.parse(this.field.input);
      const rows = this.rows?.read() ?? [];
      return rows.length ? [.../** @type {unknown[]} */ (value ?? []), ...rows] : value;
    } catch (error) {
      if (error instanceof FieldParseError) throw error;
      throw new FieldParseError(`payload.${this.name}`, `invalid JSON: ${messageOf(error)}`);
    }
  }
}

/** Rows of fields, for the objects of a list. Without rows, `input` is required as it was. */
class Rows {
  /**
   * @param {Schema} schema of an object
   * @param {string} id
   * @param {Definitions} definitions
   * @param {Input} input
   */
  constructor(schema, id, definitions, input) {
    this.schema = schema;
    this.id = id;
    this.definitions = definitions;
    this.input = input;
    this.isRequired = input.required;
    /** @type {SchemaForm[]} */
    this.forms = [];
    this.added = 0;
    this.list = h("ul", { class: "rows" });
    this.element = h(
      "div",
      {},
      this.list,
      h("button", { type: "button", onclick: () => this.add() }, "Add a row"),
    );
  }

  add() {
    const form = new SchemaForm(this.schema, `${this.id}-${this.added++}`, this.definitions);
    const row = h("li", { class: "card" }, form.element);
    const remove = () => {
      this.forms = this.forms.filter((each) => each !== form);
      this.input.required = this.isRequired && !this.forms.length;
      row.remove();
    };
    row.append(h("button", { type: "button", class: "plain", onclick: remove }, "Remove"));
    this.list.append(row);
    this.forms.push(form);
    this.input.required = false;
    row.querySelector("input")?.focus();
  }

  read() {
    return this.forms.map((form) => form.read());
  }
}

/**
 * The fields of an object. Unless it is required, it is left out while all of them are empty or
 * have their defaults.
 */
class GroupField {
  /**
   * @param {Of} of
   * @param {boolean} required
   */
  constructor({ name, property, id, definitions }, required) {
    this.name = name;
    this.isRequired = required;
    const schema = { ...objectOf(property, definitions), required: [] };
    this.form = new SchemaForm(schema, id, definitions);
    /** @type {Record<string, unknown> | null} */
    this.untouched = this.form.read();
    this.note = h("p", { class: "error-text", role: "alert" });
    /** @type {HTMLElement} */
    this.element = h(
      "fieldset",
      { class: "group" },
      h("legend", {}, labelOf(name, property)),
      h("p", { class: "field-note" }, hintOf(property)),
      this.form.element,
      this.note,
    );
  }

  /**
   * Show an error at the field of the group that the path leads to, or at the group.
   *
   * @param {string} text
   * @param {string} [path] as in ".job_id"
   */
  showError(text, path = "") {
    const inner = text ? [{ field: `payload${path}`, detail: text }] : [];
    const rest = this.form.showErrors(inner);
    replaceChildren(this.note, rest[0]?.detail);
  }

  /** @param {unknown} value */
  fill(value) {
    this.untouched = null;
    if (typeof value === "object") this.form.fill(/** @type {Record<string, unknown>} */ (value));
  }

  read() {
    const value = this.form.read();
    const isUntouched = this.untouched !== null && covers(this.untouched, value);
    return isUntouched && !this.isRequired ? undefined : value;
  }
}
