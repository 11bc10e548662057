// The field for files: they can be dropped on it, or chosen with a button, which works with the
// keyboard.

import { h, replaceChildren } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

/** @typedef {import("../../types.js").FieldDocument} FieldDocument */

/** Collects files in `files`. */
export class FilesField {
  /** @param {boolean} isOptional whether jobs also run without a file */
  constructor(isOptional) {
    /** @type {File[]} */
    this.files = [];
    this.input = h("input", { type: "file", multiple: true, id: "files" });
    this.input.addEventListener("change", () => this.add(this.input.files));
    this.list = h("ul", { class: "chosen" });
    this.together = h("input", { type: "checkbox", id: "together" });
    this.choice = h(
      "label",
      { class: "box", hidden: true },
      this.together,
      "all of them in one job, with results for each",
    );
    this.note = h("p", { class: "error-text", role: "alert", id: "files-note" });
    this.input.setAttribute("aria-describedby", this.note.id);
    this.element = h(
      "div",
      {
        class: "drop",
      },
      h(
        "label",
        { for: "files" },
        `Files${isOptional ? " (optional)" : ""}: drop them here, or choose`,
      ),
      this.input,
      h("p", { class: "quiet" }, "Each file becomes a separate job. A folder may be dropped, too."),
      this.list,
      this.choice,
      this.note,
    );
  }

  /**
   * Add files; a file that is in the list already is left out.
   *
   * @param {Iterable<File> | null} files
   */
  add(files) {
    for (const file of files ?? [])
      if (!this.files.some((each) => isSameFile(each, file))) this.files.push(file);
    this.input.value = "";
    this.show();
  }

  /**
   * Show errors of the file.
   *
   * @param {FieldDocument[]} errors
   * @returns {FieldDocument[]} all other errors
   */
  showErrors(errors) {
    const mine = errors.filter(({ field }) => field === "filename");
    const missing = !this.files.length && "Choose a file, or drop one here.";
    const text = missing || mine.map(({ detail }) => detail).join("; ");
    this.showError(mine.length ? text : "");
    return errors.filter((error) => !mine.includes(error));
  }

  /** @param {string} text empty for no error */
  showError(text) {
    this.input.setAttribute("aria-invalid", String(Boolean(text)));
    replaceChildren(this.note, text);
  }

  /**
   * Return the files of each job.
   *
   * @returns {File[][]}
   */
  submissions() {
    if (!this.files.length) return [[]];
    return this.together.checked && this.files.length > 1
      ? [this.files]
      : this.files.map((file) => [file]);
  }

  clear() {
    this.files = [];
    this.show();
  }

  show() {
    this.showError("");
    this.choice.hidden = this.files.length < 2;
    replaceChildren(
      this.list,
      this.files.map((file) =>
        h(
          "li",
          {},
          `${file.name} `,
          h("span", { class: "quiet" }, format.bytes(file.size)),
          h(
            "button",
            {
              type: "button",
              class: "plain",
              "aria-label": `Remove ${file.name}`,
              onclick: () => this.remove(file),
            },
            "×",
          ),
        ),
      ),
    );
  }

  /** @param {File} file */
  remove(file) {
    this.files = this.files.filter((each) => each !== file);
    this.show();
  }
}

/**
 * @param {File} a
 * @param {File} b
 */
const isSameFile = (a, b) =>
  a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
