// A closed section of the overview with a table, which is loaded when the reader opens it.

import { h, replaceChildren } from "../../lib/dom.js";
import { failure, loading } from "../../lib/placeholders.js";

/** A section that loads its content each time it is opened. */
export class LazySection {
  /**
   * @param {string} title
   * @param {() => Promise<import("../../lib/dom.js").Child[]>} content
   */
  constructor(title, content) {
    this.content = content;
    this.body = h("div", {
      class: "scroll",
      tabindex: 0,
      role: "group",
      "aria-label": title,
    });
    /** @type {HTMLDetailsElement} */
    this.element = h(
      "details",
      { "data-key": title, ontoggle: () => this.element.open && this.load() },
      h("summary", {}, h("h2", {}, title)),
      this.body,
    );
  }

  async load() {
    if (!this.body.childElementCount) replaceChildren(this.body, loading());
    try {
      replaceChildren(this.body, ...(await this.content()));
    } catch (error) {
      replaceChildren(
        this.body,
        failure(error, () => this.load()),
      );
    }
  }
}
