// The choice of pattern sets in the form of a new analysis: a box for each set, in place of the
// text that the schema asks for.

import { h } from "../lib/dom.js";
import { getSets } from "../shared/patternSets.js";

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
  const chosen = text.value.split("\n");
  const boxes = sets.map(({ name }) =>
    h("input", { type: "checkbox", value: name, checked: chosen.includes(name) }),
  );
  const write = () => {
    const checked = boxes.filter((box) => box.checked);
    text.value = checked.map((box) => box.value).join("\n");
  };
  const labels = sets.map(({ name, description }, at) =>
    h("label", { class: "box", title: description }, boxes[at], name),
  );
  text.hidden = true;
  text.after(h("div", { class: "set-choices", onchange: write }, labels));
}
