// The section of all pattern sets on the overview: their patterns, and a button that deletes a set.

import { confirm, runAction, showMessage } from "../../lib/dialog.js";
import { h, tableHead } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { deleteSet, getSet, getSets, mayChangeSet } from "../../shared/patternSets.js";
import { LazySection } from "./lazySection.js";

/** @typedef {import("../../types.js").PatternSetHeadDocument} PatternSetHeadDocument */

/** The sets, with their patterns. */
export class SetsPanel {
  constructor() {
    this.section = new LazySection("Pattern sets", () => this.content());
    this.element = this.section.element;
  }

  async content() {
    const sets = await getSets();
    const rows = sets.map((set) => this.row(set));
    const heads = ["Set", "Patterns", "Saved by", "For", ""];
    return [h("table", {}, tableHead(heads), h("tbody", {}, rows))];
  }

  /** @param {PatternSetHeadDocument} set */
  row(set) {
    const patterns = h("pre", { class: "set-patterns", hidden: true });
    const show = h("button", { class: "plain", "aria-expanded": "false" }, set.name);
    show.addEventListener("click", () =>
      runAction(show, async () => {
        if (!patterns.textContent) patterns.textContent = textOf((await getSet(set.name)).patterns);
        patterns.hidden = !patterns.hidden;
        show.setAttribute("aria-expanded", String(!patterns.hidden));
      }),
    );
    const remove = h(
      "button",
      { class: "plain", "aria-label": `Delete the set ${set.name}`, hidden: !mayChangeSet(set) },
      "Delete",
    );
    remove.addEventListener("click", () => runAction(remove, () => this.remove(set)));
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, show, patterns),
      h("td", { class: "number" }, format.number(set.pattern_count)),
      h("td", {}, set.built_in ? "built in" : set.changed_by),
      h("td", { class: "quiet" }, set.description),
      h("td", {}, remove),
    );
  }

  /** @param {PatternSetHeadDocument} set */
  async remove({ name }) {
    const text = "Analyses that were made with it keep its patterns.";
    if (!(await confirm(`Delete the pattern set ${name}?`, text, "Delete", { danger: true })))
      return;
    await deleteSet(name);
    showMessage(`Pattern set ${name} deleted.`);
    await this.section.load();
  }
}

/**
 * Return patterns as a text, one on each line.
 *
 * @param {unknown[]} patterns
 * @returns {string}
 */
export const textOf = (patterns) =>
  patterns.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join("\n");
