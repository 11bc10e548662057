// The row below the patterns of an analysis: counts the patterns of a set, too, and saves the
// patterns of the job as a set.

import { runAction } from "../lib/dialog.js";
import { h, replaceChildren } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import * as format from "../lib/format.js";
import { getSets } from "../shared/patternSets.js";
import { openSaveDialog } from "./saveSetDialog.js";

/** Shows the row. The list of sets is loaded when the row is shown first. */
export class SetsRow {
  /**
   * @param {() => unknown[]} patterns returns those of the job, as its payload has them
   * @param {(button: HTMLButtonElement, set: string) => unknown} analyze analyzes the file again
   *   with the patterns of a set
   */
  constructor(patterns, analyze) {
    this.patterns = patterns;
    this.select = h("select", { id: "pattern-set" }, h("option", {}));
    this.button = h("button", {}, "Add set");
    /** @type {HTMLButtonElement} */
    this.saveButton = h(
      "button",
      { type: "button", onclick: () => this.save() },
      "Save patterns as a set",
    );
    this.isLoaded = false;
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (this.select.value) analyze(this.button, this.select.value);
      else this.select.focus();
    };
    this.element = h(
      "form",
      { class: "sets-row", "data-key": "sets", onsubmit: submit, hidden: true },
      h(
        "div",
        { class: "field" },
        h("label", { for: this.select.id }, "Patterns of a set"),
        this.select,
      ),
      this.button,
      this.saveButton,
    );
  }

  /** @param {boolean} isHidden */
  show(isHidden) {
    this.element.hidden = isHidden;
    this.saveButton.hidden = !this.patterns().length;
    if (!isHidden) this.load();
  }

  async load() {
    if (this.isLoaded) return;
    this.isLoaded = true;
    try {
      const sets = await getSets();
      replaceChildren(
        this.select,
        h("option", { value: "" }, "Choose a set"),
        sets.map(({ name, pattern_count: count }) =>
          h("option", { value: name }, `${name} (${format.plural(count, "pattern")})`),
        ),
      );
    } catch (error) {
      this.isLoaded = false;
      replaceChildren(this.select, h("option", { value: "" }, messageOf(error)));
    }
  }

  /** @returns {Promise<unknown>} */
  save() {
    return runAction(this.saveButton, async () => {
      if (!(await openSaveDialog(this.patterns()))) return;
      this.isLoaded = false;
      await this.load();
    });
  }
}
