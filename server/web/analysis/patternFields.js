// The fields of one pattern: its text, its options and its name.

import { h } from "../lib/dom.js";
import { CombinationFields } from "./combinationFields.js";

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
    this.combination = new CombinationFields(id);
    this.options = OPTIONS.map(([name]) => h("input", { type: "checkbox", id: `${id}-${name}` }));
    const field = (/** @type {string} */ title, /** @type {HTMLInputElement} */ input) =>
      h("div", { class: "field" }, h("label", { for: input.id }, title), input);
    this.element = h(
      "div",
      { class: "pattern-fields" },
      field(label, this.text),
      OPTIONS.map(([, title], at) => h("label", { class: "box" }, this.options[at], title)),
      field("Name, if it is not the text", this.name),
      this.combination.element,
    );
  }

  /**
   * Return the pattern; null while there is no text.
   *
   * @returns {Pattern | null}
   */
  read() {
    const chosen = OPTIONS.filter((_, at) => this.options[at].checked);
    const options = Object.fromEntries(chosen.map(([name]) => [name, true]));
    const text = this.text.value;
    const pattern = this.combination.read(text, options) ?? (text && { pattern: text, ...options });
    if (!pattern) return null;
    return this.name.value ? { ...pattern, name: this.name.value } : pattern;
  }
}
