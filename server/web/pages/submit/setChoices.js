// The choice of pattern sets in the form of a new analysis: a box for each set, in place of the
// text that the schema asks for.

import { h, replaceChildren } from "../../lib/dom.js";
import { getSets } from "../../shared/patternSets.js";

/** The name of the field in the payload. */
const FIELD = "pattern_sets";

/**
 * Show boxes in a form. They write the chosen names into the text field of the form, one on each
 * line. If the sets cannot be loaded, the text field stays.
 *
 * @param {HTMLElement} form
 * @returns {Promise<void>}
 */
export async function addSetChoices(form) {
  const text = form.querySelector(`textarea[name="${FIELD}"]`);
  if (!(text instanceof HTMLTextAreaElement)) return;
  let sets;
  try {
    sets = await getSets();
  } catch {
    return;
  }
  const boxes = sets.map(({ name, description }) => {
    const box = h("input", { type: "checkbox", value: name, checked: chosen(text).includes(name) });
    return h("label", { class: "box", title: description }, box, name);
  });
  const element = h("div", { class: "set-choices" });
  const write = () => {
    const checked = element.querySelectorAll("input:checked");
    text.value = Array.from(checked, (box) => /** @type {HTMLInputElement} */ (box).value).join(
      "\n",
    );
  };
  element.addEventListener("change", write);
  replaceChildren(element, boxes);
  text.hidden = true;
  text.after(element);
}

/**
 * Return the names in a text.
 *
 * @param {HTMLTextAreaElement} text
 */
const chosen = (text) => text.value.split("\n").filter(Boolean);
