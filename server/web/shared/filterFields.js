// Fields of forms that filter lists.

import { h } from "../lib/dom.js";

/**
 * A field to choose one of several values, or all.
 *
 * @param {string} label
 * @param {string} name
 * @param {string[]} values
 * @param {string} [chosen] may be missing in `values`: its queue was deleted, say
 * @returns {HTMLElement}
 */
export function choice(label, name, values, chosen = "") {
  const known = [...new Set([...values, chosen])].filter(Boolean);
  const options = known.map((each) => /** @type {[string, string]} */ ([each, each]));
  return selectField(label, name, [["", "all"], ...options], chosen);
}

/**
 * A field to choose one of several values, which are shown as texts.
 *
 * @param {string} label
 * @param {string} name
 * @param {[value: string, text: string][]} options
 * @param {string} chosen
 * @returns {HTMLElement}
 */
export function selectField(label, name, options, chosen) {
  const elements = options.map(([value, text]) =>
    h("option", { value, selected: value === chosen }, text),
  );
  return field(label, h("select", { name }, elements));
}

/**
 * An input with its label.
 *
 * @param {string} label
 * @param {HTMLElement} input
 * @returns {HTMLElement}
 */
export function field(label, input) {
  return h("label", { class: "field" }, h("span", {}, label), input);
}
