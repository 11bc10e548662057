// A form for a payload, generated from its JSON Schema.
//
//   string, number, integer, boolean, enum ─▶ an input
//   array that may hold strings            ─▶ a text with one string per line
//   anything else                          ─▶ JSON

import { h } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import { Field } from "../../lib/field.js";

/** @typedef {import("../../lib/dom.js").Properties} Properties */
/** @typedef {import("../../lib/field.js").Input} Input */
/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../../types.js").Schema} Schema */
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
  /** @param {Schema} schema */
  constructor(schema) {
    const required = new Set(schema.required ?? []);
    this.fields = Object.entries(schema.properties ?? {}).map(
      ([name, property]) => new PropertyField(name, property, required.has(name)),
    );
    this.element = h(
      "div",
      { class: "fields" },
      this.fields.map(({ field }) => field.element),
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
   * Show errors at the properties that they name, as in "payload.patterns[1]".
   *
   * @param {FieldDocument[]} errors
   * @returns {FieldDocument[]} all other errors
   */
  showErrors(errors) {
    for (const { field } of this.fields) field.showError("");
    return errors.filter(({ field: path, detail }) => {
      const [root, name] = path.split(/[.[]/);
      const found = root === "payload" && this.fields.find((each) => each.name === name);
      if (found)
        found.field.showError(
          path === `payload.${name}` ? detail : `${path.slice("payload.".length)}: ${detail}`,
        );
      return !found;
    });
  }
}

class PropertyField {
  /**
   * @param {string} name
   * @param {Schema} property
   * @param {boolean} required
   */
  constructor(name, property, required) {
    this.name = name;
    const kindName = kindOf(property);
    this.kind = KINDS[kindName];
    const input = this.kind.create(property, { id: `field-${name}`, name, required });
    const label = [labelOf(name, property), required && h("span", { class: "quiet" }, " required")];
    const hint = [property.description, this.kind.hint].filter(Boolean).join(" ");
    this.field = new Field(name, label, input, hint);
    this.field.element.classList.add(kindName);
  }

  read() {
    try {
      return this.kind.parse(this.field.input);
    } catch (error) {
      throw new FieldParseError(this.name, `invalid JSON: ${messageOf(error)}`);
    }
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
 * Return the schema of the values besides null.
 *
 * @param {Schema} property
 */
function withoutNull(property) {
  const choices = property.anyOf?.filter((choice) => choice.type !== "null");
  return choices?.length === 1 ? choices[0] : property;
}

/**
 * Return the kind of the field for a property: a key of KINDS.
 *
 * @param {Schema} property
 * @returns {string}
 */
export function kindOf(property) {
  const { type, enum: values, items } = withoutNull(property);
  if (values) return "choice";
  if (type === "array" && [items, ...(items?.anyOf ?? [])].some((item) => item?.type === "string"))
    return "texts";
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
      }),
    parse: (input) => input instanceof HTMLInputElement && input.checked,
  },
  choice: {
    create: (property, attributes) =>
      h(
        "select",
        attributes,
        withoutNull(property).enum?.map((value) =>
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
    hint: "One text per line. For objects, a JSON array.",
    create: (_, attributes) => h("textarea", { ...attributes, rows: 4, spellcheck: "false" }),
    parse: (input) => parseLines(input.value),
  },
  json: {
    hint: "Enter JSON.",
    create: (_, attributes) => h("textarea", { ...attributes, rows: 2, spellcheck: "false" }),
    parse: (input) => (input.value.trim() ? JSON.parse(input.value) : undefined),
  },
};
