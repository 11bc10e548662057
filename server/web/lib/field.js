// An input with its label and a note below: a hint, or what is wrong with it.

import { h, put } from "./dom.js";

/** `input` has an id; `name` is what the service calls the field. */
export class Field {
  constructor(name, label, input, hint = "") {
    Object.assign(this, { name, input, hint });
    this.note = h("span", { class: "field-note", id: `${input.id}-note` });
    input.setAttribute("aria-describedby", this.note.id);
    this.element = h("div", { class: "field" }, h("label", { for: input.id }, label), input, this.note);
    this.showError("");
  }

  showError(text) {
    this.element.classList.toggle("bad", Boolean(text));
    this.input.setAttribute("aria-invalid", Boolean(text));
    put(this.note, text || this.hint);
  }
}

/** Show errors of the service at the fields that they name; those that name none of them. */
export function showErrors(fields, errors) {
  for (const field of fields) field.showError("");
  return errors.filter(({ field: name, detail }) => {
    const found = fields.find((field) => field.name === name);
    found?.showError(detail);
    return !found;
  });
}
