// The kinds of fields that a form has for the properties of a JSON Schema.

import { h } from "../lib/dom.js";

/** @typedef {import("../lib/dom.js").Properties} Properties */
/** @typedef {import("../lib/field.js").Input} Input */
/** @typedef {import("../types.js").Schema} Schema */
/** @typedef {Record<string, Schema>} Definitions the schemas that others refer to, by name */
/**
 * A kind of field. `create` makes the input. `parse` returns the value, or undefined if the field
 * is empty; it throws an error if the text cannot be parsed. `fill` shows a value in the input.
 *
 * @typedef {{
 *   hint?: string,
 *   create: (property: Schema, attributes: Properties) => Input,
 *   parse: (input: Input) => unknown,
 *   fill: (input: Input, value: unknown) => void,
 * }} Kind
 */

/**
 * Return the label of the field for a property.
 *
 * @param {string} name
 * @param {Schema} property
 * @returns {string}
 */
export function labelOf(name, property) {
  const plain = name.replaceAll("_", " ");
  // Pydantic makes a title of the name: "Fields Over Time".
  const isMade = property.title?.toLowerCase() === plain.toLowerCase();
  const text = isMade ? plain : (property.title ?? plain);
  return text[0].toUpperCase() + text.slice(1);
}

/**
 * Return the description of a property without an example in JSON, for which there are fields.
 *
 * @param {Schema} property
 * @returns {string | undefined}
 */
export const hintOf = ({ description }) =>
  description?.replace(/,?( or objects)?( such as)? ?\{.*\}/, "");

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
 * @returns {Schema | null}
 */
export function objectOf(property, definitions) {
  const schema = resolved(withoutNull(property), definitions);
  return schema.properties ? schema : null;
}

/**
 * Return a property with the schema that it refers to, alone or as what it is besides null. Its own
 * description and default count.
 *
 * @param {Schema} property
 * @param {Definitions} definitions
 * @returns {Schema}
 */
export function inlined(property, definitions) {
  const found = resolved(withoutNull(property), definitions);
  if (!withoutNull(property).$ref || found.properties) return property;
  return { ...found, ...property, $ref: undefined, anyOf: found.anyOf };
}

/**
 * Return the values of which a property has one, if it has. Objects that it may be instead are for
 * other clients.
 *
 * @param {Schema} property
 * @returns {unknown[] | undefined}
 */
function valuesOf(property) {
  const found = choicesOf(property).find((each) => each.enum || each.const !== undefined);
  return found && (found.enum ?? [found.const]);
}

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
 * @returns {Schema | undefined}
 */
export function rowOf(property, definitions) {
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

/** @type {Kind["fill"]} */
const fillText = (input, value) => {
  input.value = typeof value === "string" ? value : JSON.stringify(value);
};

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
  fill: fillText,
};

/**
 * All kinds, by their names.
 *
 * @type {Record<string, Kind>}
 */
export const KINDS = {
  string: {
    create: (property, attributes) =>
      h("input", {
        ...attributes,
        type: withoutNull(property).format === "date" ? "date" : "text",
        maxlength: withoutNull(property).maxLength,
        value: defaultText(property),
      }),
    parse: (input) => input.value || undefined,
    fill: fillText,
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
    fill: (input, value) => {
      if (input instanceof HTMLInputElement) input.checked = value === true;
    },
  },
  choice: {
    create: (property, attributes) => {
      const isOpen = !attributes.required && (property.default ?? null) === null;
      const empty = isOpen ? [h("option", { value: "" }, "—")] : [];
      const options = (valuesOf(property) ?? []).map((value) => {
        const selected = !isOpen && value === property.default;
        const json = typeof value === "string" ? undefined : JSON.stringify(value);
        return h("option", { value: String(value), selected, "data-json": json }, String(value));
      });
      return h("select", attributes, [...empty, ...options]);
    },
    parse: (input) => {
      const chosen = input instanceof HTMLSelectElement && input.selectedOptions[0];
      const json = chosen ? chosen.dataset.json : undefined;
      return json === undefined ? input.value || undefined : JSON.parse(json);
    },
    fill: (input, value) => {
      input.value = String(value);
    },
  },
  texts: {
    hint: "One text per line.",
    create: (_, attributes) => h("textarea", { ...attributes, rows: 3, spellcheck: "false" }),
    parse: (input) => parseLines(input.value),
    fill: (input, value) => {
      const isText = Array.isArray(value) && value.every((each) => typeof each === "string");
      fillText(input, isText ? value.join("\n") : value);
    },
  },
  json: {
    hint: "Enter JSON.",
    create: (_, attributes) => h("textarea", { ...attributes, rows: 2, spellcheck: "false" }),
    parse: (input) => (input.value.trim() ? JSON.parse(input.value) : undefined),
    fill: (input, value) => fillText(input, JSON.stringify(value)),
  },
};
