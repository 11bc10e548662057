// A form field: an input with its label and a note below, which shows a hint or an error.

import { h, replaceChildren } from "./dom.js";
import { withGuides } from "./guides.js";

/** @typedef {import("./errors.js").FieldError} FieldError */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input */

/** An input with its label and its note. */
export class Field {
  /**
   * @param {string} name the name of the field in the API
   * @param {import("./dom.js").Child} label
   * @param {Input} input needs an id
   * @param {string} [hint]
   */
  constructor(name, label, input, hint = "") {
    this.name = name;
    this.input = input;
    this.hint = hint;
    this.note = h("span", { class: "field-note", id: `${input.id}-note` });
    input.setAttribute("aria-describedby", this.note.id);
    this.element = h(
      "div",
      { class: "field" },
      h("label", { for: input.id }, label),
      input,
      this.note,
    );
    this.showError("");
  }

  /**
   * Show an error, or the hint if the text is empty.
   *
   * @param {string} text
   */
  showError(text) {
    this.element.classList.toggle("bad", Boolean(text));
    this.input.setAttribute("aria-invalid", String(Boolean(text)));
    replaceChildren(this.note, withGuides(text || this.hint));
  }
}

/**
 * Fields that are folded away. They unfold if the browser refuses what is in one of them: it could
 * not say so at a field that is not shown.
 *
 * @param {string} title
 * @param {{ element: HTMLElement }[]} fields
 * @returns {HTMLDetailsElement}
 */
export function foldedFields(title, fields) {
  const folded = h(
    "details",
    {},
    h("summary", {}, title),
    h(
      "div",
      { class: "fields" },
      fields.map(({ element }) => element),
    ),
  );
  folded.addEventListener("invalid", () => (folded.open = true), true); // it does not bubble
  return folded;
}

/**
 * Show errors of the API at the fields that they name, and clear all other fields.
 *
 * @param {Field[]} fields
 * @param {FieldError[]} errors
 * @returns {FieldError[]} the errors that name none of these fields
 */
export function showErrors(fields, errors) {
  for (const field of fields) field.showError("");
  return errors.filter(({ field: name, detail }) => {
    const isInside = (/** @type {Field} */ field) =>
      name.startsWith(`${field.name}[`) || name.startsWith(`${field.name}.`);
    const found = fields.find((field) => field.name === name) ?? fields.find(isInside);
    found?.showError(detail);
    return !found;
  });
}
