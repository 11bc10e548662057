// The options that every job may have.

import { h } from "../lib/dom.js";

const OPTIONS = [
  ["max_retries", "Retries", { min: 0, max: 100, step: 1, placeholder: "1" }],
  ["timeout", "Timeout in seconds", { min: 0, step: "any", placeholder: "none" }],
  ["priority", "Priority, −100 to 100", { min: -100, max: 100, step: 1, placeholder: "0" }],
  ["delay", "Delay in seconds", { min: 0, step: "any", placeholder: "0" }],
];

/** Fields for them, folded away. */
export function optionsFields() {
  return h("details", {}, h("summary", {}, "Options"), h("div", { class: "fields" }, OPTIONS.map(([name, label, limits]) =>
    h("div", { class: "field" }, h("label", { for: `option-${name}` }, label),
      h("input", { type: "number", id: `option-${name}`, name: `option-${name}`, ...limits })))));
}

/** Those that are given. */
export function readOptions(form) {
  const pairs = OPTIONS.map(([name]) => [name, form.elements[`option-${name}`].value]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== "").map(([name, value]) => [name, Number(value)]));
}
