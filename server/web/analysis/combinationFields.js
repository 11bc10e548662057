// The fields of a combination: texts of which a line must contain all, any or none.

import { h } from "../lib/dom.js";

/** @typedef {import("../types.js").Pattern} Pattern */
/** @type {[name: "all" | "any" | "none", label: string][]} */
const LISTS = [
  ["all", "All of these, one per line"],
  ["any", "At least one of these"],
  ["none", "None of these"],
];

/** Fields for the lists of a combination in `element`, folded away. */
export class CombinationFields {
  /** @param {string} id begins the ids of the inputs */
  constructor(id) {
    this.inputs = LISTS.map(([name]) =>
      h("textarea", { id: `${id}-${name}`, rows: 2, spellcheck: "false" }),
    );
    this.element = h(
      "details",
      { class: "combination" },
      h("summary", {}, "Lines with all, any or none of several texts"),
      h(
        "div",
        { class: "fields-row" },
        LISTS.map(([, label], at) =>
          h(
            "div",
            { class: "field" },
            h("label", { for: this.inputs[at].id }, label),
            this.inputs[at],
          ),
        ),
      ),
    );
  }

  /**
   * Return the lists, each with `options`; null while all of them are empty. The text of a pattern,
   * if there is one, is one of those that a line must contain.
   *
   * @param {string} text
   * @param {Record<string, boolean>} options
   * @returns {Pattern | null}
   */
  read(text, options) {
    const lists = this.inputs.map(({ value }) => value.split("\n").filter((line) => line.trim()));
    if (!lists.some(({ length }) => length)) return null;
    if (text) lists[0].unshift(text);
    return combination(lists, options);
  }
}

/**
 * Return a combination of texts, as a payload has it.
 *
 * @param {string[][]} lists all, any, none
 * @param {Record<string, boolean>} options
 * @returns {Pattern}
 */
export function combination(lists, options) {
  const hasOptions = Object.keys(options).length > 0;
  const condition = (/** @type {string} */ pattern) =>
    hasOptions ? { pattern, ...options } : pattern;
  return Object.fromEntries(
    LISTS.map(([name], at) => [name, lists[at].map(condition)]).filter(([, list]) => list.length),
  );
}
