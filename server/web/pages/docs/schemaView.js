// JSON Schema as people read it: types in words, fields in tables, links to what has a name.

import { h } from "../../lib/dom.js";

const NAMED = "#/components/schemas/";
const BOUNDS = [
  ["format", ""], ["const", "always "], ["default", "default "], ["minimum", "at least "], ["exclusiveMinimum", "above "],
  ["maximum", "at most "], ["minLength", "least length "], ["maxLength", "longest "], ["minItems", "at least "],
  ["maxItems", "at most "], ["pattern", "as "],
];

/** The place on the page where a schema with a name is. */
export const anchor = (name) => `schema-${name}`;

/** A type in words: "string", "list of Status", "one of …"; those with a name are links. */
export function typeOf(schema) {
  if (schema.$ref) {
    const name = schema.$ref.slice(NAMED.length);
    return [h("a", { href: `#${anchor(name)}` }, name)];
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.flatMap((choice, at) => (at ? [" or ", ...typeOf(choice)] : typeOf(choice)));
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(", ")];
  if (schema.type === "array") return ["list of ", ...typeOf(schema.items ?? {})];
  if (schema.type === "object" && schema.additionalProperties?.constructor === Object) {
    return ["object of ", ...typeOf(schema.additionalProperties)];
  }
  return [schema.type ?? "anything"];
}

/** What else a value has to be, in words. */
export function boundsOf(schema) {
  return BOUNDS.filter(([key]) => schema[key] !== undefined)
    .map(([key, word]) => word + (typeof schema[key] === "string" ? schema[key] : JSON.stringify(schema[key]))).join(", ");
}

/** A table of fields: each is {name, schema, required, description, place}; `label` names it. */
export function fieldTable(label, fields) {
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label },
    h("table", { class: "figures reference" },
      h("thead", {}, h("tr", {}, ["Name", "Type", "About"].map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, fields.map(fieldRow))));
}

function fieldRow({ name, schema, required, description, place }) {
  const notes = [place, required && "required", boundsOf(schema), description ?? schema.description];
  return h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td", {}, typeOf(schema)),
    h("td", {}, notes.filter(Boolean).join("; ")));
}

/** A schema with a name: what it is about, and its fields if it has any. */
export function schemaSection(name, schema) {
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties ?? {}).map(([field, each]) => (
    { name: field, schema: each, required: required.has(field) }));
  return h("section", { id: anchor(name), class: "schema" }, h("h3", {}, name),
    schema.description && h("p", {}, schema.description),
    fields.length ? fieldTable(`Fields of ${name}`, fields) : h("p", {}, typeOf(schema)));
}
