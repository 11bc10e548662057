// A form made from the JSON Schema of a payload, as the service itself tells it.
//
//   string, number, integer, boolean, enum ─▶ a field      array that may hold texts ─▶ a text a line
//   anything else ─▶ JSON, as text

import { h, put } from "../../lib/dom.js";

/** Fields for the properties of a schema; `read` gives the payload, or throws FieldProblem. */
export class SchemaForm {
  constructor(schema) {
    const required = new Set(schema.required ?? []);
    this.fields = Object.entries(schema.properties ?? {}).map(([name, property]) =>
      new Field(name, property, required.has(name)));
    this.element = h("div", { class: "fields" }, this.fields.map((field) => field.element));
  }

  read() {
    const pairs = this.fields.map((field) => [field.name, field.read()]);
    return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
  }

  /** Show errors of the service at their fields, as in payload.patterns; those that have none. */
  showErrors(errors) {
    for (const field of this.fields) field.showError("");
    return errors.filter(({ field: path, detail }) => {
      const [root, name] = path.split(/[.[]/);
      const found = root === "payload" && this.fields.find((field) => field.name === name);
      found?.showError?.(path === `payload.${name}` ? detail : `${path.slice(8)}: ${detail}`);
      return !found;
    });
  }
}

/** What stands in a field cannot be read. */
export class FieldProblem extends Error {
  constructor(name, detail) {
    super(`${name}: ${detail}`);
    this.errors = [{ field: `payload.${name}`, detail }];
  }
}

class Field {
  constructor(name, property, required) {
    this.name = name;
    this.kind = kindOf(property);
    const id = `field-${name}`;
    this.input = KINDS[this.kind].input(property, { id, name, required, "aria-describedby": `${id}-note` });
    this.note = h("span", { class: "field-note", id: `${id}-note` });
    this.hint = [property.description, KINDS[this.kind].hint].filter(Boolean).join(" ");
    const label = h("label", { for: id }, labelOf(name, property), required && h("span", { class: "quiet" }, " required"));
    this.element = h("div", { class: `field ${this.kind}` }, label, this.input, this.note);
    this.showError("");
  }

  /** The value; undefined if nothing is given, so that the default of the service holds. */
  read() {
    return KINDS[this.kind].read(this.input, this.name);
  }

  showError(text) {
    this.element.classList.toggle("bad", Boolean(text));
    this.input.setAttribute("aria-invalid", Boolean(text));
    put(this.note, text || this.hint);
  }
}

function labelOf(name, property) {
  const text = property.title ?? name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** Of a choice with null, the other one. */
function plain(property) {
  const choices = property.anyOf?.filter((choice) => choice.type !== "null");
  return choices?.length === 1 ? choices[0] : property;
}

function kindOf(property) {
  const { type, enum: values, items } = plain(property);
  if (values) return "choice";
  if (type === "array" && [items, ...(items?.anyOf ?? [])].some((item) => item?.type === "string")) return "texts";
  return type in KINDS ? type : "json";
}

const given = (property) => property.default ?? null;

function numberInput(property, attributes) {
  const { minimum: min, maximum: max, type } = plain(property);
  return h("input", { ...attributes, type: "number", min, max, step: type === "integer" ? 1 : "any", value: given(property) });
}

function parsed(text, name) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FieldProblem(name, `this is not JSON: ${error.message}`);
  }
}

const readNumber = (input) => (input.value === "" ? undefined : Number(input.value));

const KINDS = {
  string: {
    input: (property, attributes) => h("input", { ...attributes, type: "text", maxlength: plain(property).maxLength, value: given(property) }),
    read: (input) => input.value || undefined,
  },
  number: { input: numberInput, read: readNumber },
  integer: { input: numberInput, read: readNumber },
  boolean: {
    input: (property, attributes) => h("input", { ...attributes, required: false, type: "checkbox", checked: given(property) === true }),
    read: (input) => input.checked,
  },
  choice: {
    input: (property, attributes) => h("select", attributes, plain(property).enum.map((value) =>
      h("option", { value, selected: value === property.default }, String(value)))),
    read: (input) => input.value,
  },
  texts: {
    hint: "One a line; or a JSON array, for more than texts.",
    input: (_, attributes) => h("textarea", { ...attributes, rows: 4, spellcheck: "false" }),
    read: (input, name) => (input.value.trimStart().startsWith("[") && input.value.trimEnd().endsWith("]")
      ? parsed(input.value, name) : lines(input.value)),
  },
  json: {
    hint: "As JSON.",
    input: (property, attributes) => h("textarea", { ...attributes, rows: 2, spellcheck: "false" }),
    read: (input, name) => (input.value.trim() ? parsed(input.value, name) : undefined),
  },
};

function lines(text) {
  const found = text.split(/\r?\n/).filter((line) => line !== "");
  return found.length ? found : undefined;
}
