// A dialog with fields. It stays until one of its actions goes well; what goes wrong is told in it.

import { tell } from "./dialog.js";
import { h, put } from "./dom.js";
import { showErrors } from "./field.js";

/** Show it. `actions` are [text, class, work] each; the last one is what Enter does. Resolves to
 *  what the work did, once the dialog is gone; to null where it was put away. */
export function formDialog(title, fields, actions) {
  return new Promise((resolve) => new FormDialog(title, fields, actions, resolve).show());
}

class FormDialog {
  constructor(title, fields, actions, resolve) {
    const [, , main] = actions.at(-1);
    Object.assign(this, { fields, done: null });
    this.note = h("p", { class: "error-text", role: "alert" });
    this.buttons = actions.map(([text, kind, work]) => h("button", work === main ? { class: kind }
      : { type: "button", class: kind, onclick: () => this.run(work) }, text));
    const submit = (event) => {
      event.preventDefault();
      this.run(main);
    };
    this.element = h("dialog", { "aria-labelledby": "dialog-title" }, h("form", { onsubmit: submit },
      h("h2", { id: "dialog-title" }, title), fields.map((field) => field.element), this.note,
      h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => this.element.close() }, "Back"), this.buttons)));
    this.element.addEventListener("close", () => {
      this.element.remove();
      resolve(this.done);
    });
  }

  show() {
    document.body.append(this.element);
    this.element.showModal();
  }

  async run(work) {
    this.busy(true);
    this.tell([], "");
    try {
      this.done = await work();
      this.element.close();
    } catch (error) {
      this.busy(false);
      this.tell(error.errors ?? [], error.message);
    }
  }

  busy(busy) {
    for (const button of this.buttons) button.disabled = busy;
  }

  /** Errors that name a field are shown there, all others at the end; gone is who put it away. */
  tell(errors, message) {
    if (message && !this.element.isConnected) return tell(message, { error: true });
    const rest = showErrors(this.fields, errors);
    put(this.note, errors.length ? rest.map(({ field, detail }) => `${field}: ${detail}`).join("; ") : message);
    this.fields.find((field) => field.input.getAttribute("aria-invalid") === "true")?.input.focus();
  }
}
