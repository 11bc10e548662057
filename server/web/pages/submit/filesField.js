// Choosing files: by drag and drop, or by the button, which also works with the keyboard.

import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

export class FilesField {
  constructor() {
    this.files = [];
    this.input = h("input", { type: "file", multiple: true, id: "files", onchange: () => this.take(this.input.files) });
    this.list = h("ul", { class: "chosen" });
    this.note = h("p", { class: "error-text", role: "alert" });
    this.element = h("div", { class: "drop",
      ondragover: (event) => this.over(event, true),
      ondragleave: (event) => this.over(event, false),
      ondrop: (event) => this.drop(event) },
    h("label", { for: "files" }, "Files: drop them here, or choose"), this.input,
    h("p", { class: "quiet" }, "Each file becomes a job of its own."), this.list, this.note);
  }

  over(event, inside) {
    event.preventDefault();
    this.element.classList.toggle("over", inside);
  }

  drop(event) {
    this.over(event, false);
    this.take(event.dataTransfer.files);
  }

  /** Add files; the same one twice is one. */
  take(files) {
    const same = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
    for (const file of files) if (!this.files.some((each) => same(each, file))) this.files.push(file);
    this.input.value = "";
    this.show();
  }

  /** Show what is wrong with the file, if anything is; all other errors. */
  showErrors(errors) {
    const mine = errors.filter(({ field }) => field === "filename");
    const missing = !this.files.length && "Choose a file, or drop one here.";
    put(this.note, mine.length > 0 && (missing || mine.map(({ detail }) => detail).join("; ")));
    return errors.filter((error) => !mine.includes(error));
  }

  clear() {
    this.files = [];
    this.show();
  }

  show() {
    put(this.note);
    put(this.list, this.files.map((file) => h("li", {}, `${file.name} `, h("span", { class: "quiet" }, format.bytes(file.size)),
      h("button", { type: "button", class: "plain", "aria-label": `Leave out ${file.name}`, onclick: () => this.leaveOut(file) }, "×"))));
  }

  leaveOut(file) {
    this.files = this.files.filter((each) => each !== file);
    this.show();
  }
}
