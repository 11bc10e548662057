// The fields of one pattern: its text, its options and its name.

import { h } from "../lib/dom.js";

/** @typedef {import("../types.js").Pattern} Pattern */
/** @type {[name: "regex" | "ignore_case" | "word", label: string][]} */
const OPTIONS = [
  ["regex", "regex"],
  ["ignore_case", "ignore case"],
  ["word", "whole word"],
];

/** Fields for a pattern in `element`. `id` begins the ids of the inputs. */
export class PatternFields {
  /**
   * @param {string} id
   * @param {string} label of the text
   */
  constructor(id, label) {
    this.text = h("input", {
      id: `${id}-text`,
      type: "text",
      maxlength: 10_000,
      spellcheck: "false",
    });
    this.name = h("input", { id: `${id}-name`, type: "text", maxlength: 200 });
    this.options = OPTIONS.map(([name]) => h("input", { type: "checkbox", id: `${id}-${name}` }));
    const field = (/** @type {string} */ title, /** @type {HTMLInputElement} */ input) =>
      h("div", { class: "field" }, h("label", { for: input.id }, title), input);
    this.element = h(
      "div",
      { class: "pattern-fields" },
      field(label, this.text),
      OPTIONS.map(([, title], at) => h("label", { class: "box" }, this.options[at], title)),
      field("Name, if it is not the text", this.name),
    );
  }

  /**
   * Return the pattern; null while the text is empty.
   *
   * @returns {Pattern | null}
   */
  read() {
    if (!this.text.value) return null;
    const chosen = OPTIONS.filter((_, at) => this.options[at].checked);
    return {
      pattern: this.text.value,
      ...Object.fromEntries(chosen.map(([name]) => [name, true])),
      ...(this.name.value ? { name: this.name.value } : {}),
    };
  }
}
