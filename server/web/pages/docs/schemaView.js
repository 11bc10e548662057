// JSON Schema for people: types in words, fields in tables, and links to schemas that have a name.

import { h, tableHead } from "../../lib/dom.js";

/** @typedef {import("../../lib/dom.js").Child} Child */
/** @typedef {import("../../types.js").Schema} Schema */
/**
 * A row of a table of fields. `location` says where a parameter is: "path", "query" or "header".
 *
 * @typedef {{
 *   name: string,
 *   schema: Schema,
 *   required?: boolean,
 *   description?: string,
 *   location?: string,
 * }} SchemaField
 */

const REF_PREFIX = "#/components/schemas/";
/** @type {[key: keyof Schema, words: string][]} */
const CONSTRAINTS = [
  ["format", ""],
  ["const", "always "],
  ["default", "default "],
  ["minimum", "at least "],
  ["exclusiveMinimum", "above "],
  ["maximum", "at most "],
  ["minLength", "minimum length "],
  ["maxLength", "maximum length "],
  ["minItems", "minimum items "],
  ["maxItems", "maximum items "],
  ["pattern", "pattern "],
];

/**
 * Return the id of the element that shows the schema with this name.
 *
 * @param {string} name
 * @returns {string}
 */
export const schemaAnchor = (name) => `schema-${name}`;

/**
 * Describe a type in words: "string", "list of Status", "integer or null". Schemas with a name are
 * links.
 *
 * @param {Schema} schema
 * @returns {Child[]}
 */
export function typeOf(schema) {
  if (schema.$ref) {
    const name = schema.$ref.slice(REF_PREFIX.length);
    return [h("a", { href: `#${schemaAnchor(name)}` }, name)];
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices)
    return choices.flatMap((choice, at) => (at ? [" or ", ...typeOf(choice)] : typeOf(choice)));
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(", ")];
  if (schema.type === "array") return ["list of ", ...typeOf(schema.items ?? {})];
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return ["object of ", ...typeOf(schema.additionalProperties)];
  }
  if (Array.isArray(schema.type)) {
    return schema.type.flatMap((type, at) => [at ? " or " : "", ...typeOf({ ...schema, type })]);
  }
  return [schema.type ?? "any"];
}

/**
 * Describe the constraints on a value besides its type: "default 1, at least 0, at most 100".
 *
 * @param {Schema} schema
 * @returns {string}
 */
export function constraintsOf(schema) {
  return CONSTRAINTS.filter(([key]) => schema[key] !== undefined)
    .map(([key, words]) => {
      const value = schema[key];
      return words + (typeof value === "string" ? value : JSON.stringify(value));
    })
    .join(", ");
}

/**
 * A table of fields.
 *
 * @param {string} label names the table for screen readers
 * @param {SchemaField[]} fields
 * @returns {HTMLElement}
 */
export function fieldTable(label, fields) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": label },
    h(
      "table",
      { class: "figures reference" },
      tableHead(["Name", "Type", "Description"]),
      h("tbody", {}, fields.map(fieldRow)),
    ),
  );
}

/** @param {SchemaField} field */
function fieldRow({ name, schema, required, description, location }) {
  const notes = [
    location,
    required && "required",
    constraintsOf(schema),
    description ?? schema.description,
  ];
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("code", {}, name)),
    h("td", {}, typeOf(schema)),
    h("td", {}, notes.filter(Boolean).join("; ")),
  );
}

/**
 * A section for a schema with a name: its description, and a table of its fields if it has any.
 *
 * @param {string} name
 * @param {Schema} schema
 * @returns {HTMLElement}
 */
export function schemaSection(name, schema) {
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties ?? {}).map(([field, each]) => ({
    name: field,
    schema: each,
    required: required.has(field),
  }));
  return h(
    "section",
    { id: schemaAnchor(name), class: "schema" },
    h("h3", {}, name),
    schema.description && h("p", {}, schema.description),
    fields.length ? fieldTable(`Fields of ${name}`, fields) : h("p", {}, typeOf(schema)),
  );
}
