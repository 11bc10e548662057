// A form for a payload, generated from its JSON Schema.
//
//   string, number, integer, boolean, enum ─▶ an input
//   array that may hold strings            ─▶ a text with one string per line, and rows for objects
//   object with known properties           ─▶ a group of fields
//   anything else                          ─▶ JSON

import { h, replaceChildren } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import { Field } from "../../lib/field.js";

/** @typedef {import("../../lib/dom.js").Properties} Properties */
/** @typedef {import("../../lib/field.js").Input} Input */
/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../../types.js").Schema} Schema */
/** @typedef {Record<string, Schema>} Definitions the schemas that others refer to, by name */
/**
 * A kind of field. `create` makes the input. `parse` returns the value, or undefined if the field
 * is empty; it throws an error if the text cannot be parsed.
 *
 * @typedef {{
 *   hint?: string,
 *   create: (property: Schema, attributes: Properties) => Input,
 *   parse: (input: Input) => unknown,
 * }} Kind
 */

/** The content of a field cannot be parsed. */
export class FieldParseError extends Error {
  /**
   * @param {string} name
   * @param {string} detail
   */
  constructor(name, detail) {
    super(`${name}: ${detail}`);
    /** @type {FieldDocument[]} */
    this.errors = [{ field: `payload.${name}`, detail }];
  }
}

/** One field for each property of a schema. */
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
        ? new GroupField(of)
        : new PropertyField(of, required.has(name));
    });
    /** @type {HTMLElement} */
    this.element = h(
      "div",
      { class: "fields" },
      this.fields.map(({ element }) => element),
    );
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
      const [root, name] = path.split(/[.[]/);
      const found = root === "payload" && this.fields.find((each) => each.name === name);
      if (found)
        found.showError(
          path === `payload.${name}` ? detail : `${path.slice("payload.".length)}: ${detail}`,
        );
      return !found;
    });
  }
}

/** @typedef {{ name: string, property: Schema, id: string, definitions: Definitions }} Of */

class PropertyField {
  /**
   * @param {Of} of
   * @param {boolean} required
   */
  constructor({ name, property, id, definitions }, required) {
    this.name = name;
    const kindName = kindOf(property);
    this.kind = KINDS[kindName];
    const input = this.kind.create(property, { id, name, required });
    const label = [labelOf(name, property), required && h("span", { class: "quiet" }, " required")];
    const hint = [hintOf(property), this.kind.hint].filter(Boolean).join(" ");
    this.field = new Field(name, label, input, hint);
    this.field.element.classList.add(kindName);
    this.element = this.field.element;
    const row = kindName === "texts" && rowOf(property, definitions);
    this.rows = row ? new Rows(row, id, definitions, input) : null;
    if (this.rows) this.element.append(this.rows.element);
  }

  /** @param {string} text */
  showError(text) {
    this.field.showError(text);
  }

  read() {
    try {
      const value = this.kind.parse(this.field.input);
      const rows = this.rows?.read() ?? [];
      return rows.length ? [.../** @type {unknown[]} */ (value ?? []), ...rows] : value;
    } catch (error) {
      if (error instanceof FieldParseError) throw error;
      throw new FieldParseError(this.name, `invalid JSON: ${messageOf(error)}`);
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

/** The fields of an object, which is left out while all of them are empty. */
class GroupField {
  /** @param {Of} of */
  constructor({ name, property, id, definitions }) {
    this.name = name;
    const schema = { ...objectOf(property, definitions), required: [] };
    this.form = new SchemaForm(schema, id, definitions);
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

  /** @param {string} text */
  showError(text) {
    replaceChildren(this.note, text);
  }

  read() {
    const value = this.form.read();
    return Object.keys(value).length ? value : undefined;
  }
}

/**
 * @param {string} name
 * @param {Schema} property
 */
function labelOf(name, property) {
  const text = property.title ?? name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/**
 * Return the description of a property without an example in JSON, for which there are fields.
 *
 * @param {Schema} property
 */
const hintOf = ({ description }) => description?.replace(/,?( or objects)?( such as)? ?\{.*\}/, "");

/**
 * Return the schemas of the values besides null.
 *
 * @param {Schema} property
 */
const choicesOf = (property) => property.anyOf?.filter(({ type }) => type !== "null") ?? [property];

/**
 * Return the schema of the values besides null, if there is one for all.
 *
 * @param {Schema} property
 */
function withoutNull(property) {
  const choices = choicesOf(property);
  return choices.length === 1 ? choices[0] : property;
}

/**
 * Return the schema that another refers to, or the schema itself.
 *
 * @param {Schema} schema
 * @param {Definitions} definitions
 */
const resolved = (schema, definitions) =>
  definitions[schema.$ref?.replace("#/$defs/", "") ?? ""] ?? schema;

/**
 * Return the schema of an object with known properties; null if a property holds something else.
 *
 * @param {Schema} property
 * @param {Definitions} definitions
 */
function objectOf(property, definitions) {
  const schema = resolved(withoutNull(property), definitions);
  return schema.properties ? schema : null;
}

/**
 * Return the values of which a property has one, if it has. Objects that it may be instead are for
 * other clients.
 *
 * @param {Schema} property
 */
const valuesOf = (property) => choicesOf(property).find((each) => each.enum)?.enum;

/**
 * Return the lists that a property may hold.
 *
 * @param {Schema} property
 */
const listsOf = (property) => choicesOf(property).filter(({ type }) => type === "array");

/**
 * Return the schemas of the items of a list.
 *
 * @param {Schema} list
 */
const itemsOf = ({ items }) => (items ? [items, ...(items.anyOf ?? [])] : []);

/**
 * Return the schema of the objects that a list may hold besides texts.
 *
 * @param {Schema} property
 * @param {Definitions} definitions
 */
function rowOf(property, definitions) {
  const items = listsOf(property).flatMap(itemsOf);
  return items.map((item) => resolved(item, definitions)).find((item) => item.properties);
}

/**
 * Return the kind of the field for a property: a key of KINDS.
 *
 * @param {Schema} property
 * @returns {string}
 */
export function kindOf(property) {
  const { type } = withoutNull(property);
  if (valuesOf(property)) return "choice";
  const items = listsOf(property).flatMap(itemsOf);
  if (items.some((item) => item.type === "string")) return "texts";
  return typeof type === "string" && type in KINDS ? type : "json";
}

/**
 * Parse a text with one value per line, or a JSON array of texts and objects. Undefined if it is
 * empty. "[error]" and "[404]" are no such arrays, but a line.
 *
 * @param {string} text
 * @returns {unknown}
 * @throws {SyntaxError} if it looks like such an array and is not JSON
 */
export function parseLines(text) {
  if (/^\s*\[\s*["{].*\]\s*$/s.test(text)) return JSON.parse(text);
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  return lines.length ? lines : undefined;
}

/** @param {Schema} property */
function defaultText(property) {
  return property.default === undefined || property.default === null
    ? null
    : String(property.default);
}

/** @type {Kind} */
const NUMBER = {
  create: (property, attributes) => {
    const { minimum: min, maximum: max, type } = withoutNull(property);
    return h("input", {
      ...attributes,
      type: "number",
      min,
      max,
      step: type === "integer" ? 1 : "any",
      value: defaultText(property),
    });
  },
  parse: (input) => (input.value === "" ? undefined : Number(input.value)),
};

/** @type {Record<string, Kind>} */
const KINDS = {
  string: {
    create: (property, attributes) =>
      h("input", {
        ...attributes,
        type: "text",
        maxlength: withoutNull(property).maxLength,
        value: defaultText(property),
      }),
    parse: (input) => input.value || undefined,
  },
  number: NUMBER,
  integer: NUMBER,
  boolean: {
    create: (property, attributes) =>
      h("input", {
        ...attributes,
        required: false,
        type: "checkbox",
        checked: property.default === true,
        "data-optional": property.default === null,
      }),
    // Without a check mark, the service chooses what is neither true nor false by default.
    parse: (input) => {
      const isChecked = input instanceof HTMLInputElement && input.checked;
      return isChecked || !("optional" in input.dataset) ? isChecked : undefined;
    },
  },
  choice: {
    create: (property, attributes) =>
      h(
        "select",
        attributes,
        valuesOf(property)?.map((value) =>
          h(
            "option",
            { value: String(value), selected: value === property.default },
            String(value),
          ),
        ),
      ),
    parse: (input) => input.value,
  },
  texts: {
    hint: "One text per line.",
    create: (_, attributes) => h("textarea", { ...attributes, rows: 4, spellcheck: "false" }),
    parse: (input) => parseLines(input.value),
  },
  json: {
    hint: "Enter JSON.",
    create: (_, attributes) => h("textarea", { ...attributes, rows: 2, spellcheck: "false" }),
    parse: (input) => (input.value.trim() ? JSON.parse(input.value) : undefined),
  },
};
