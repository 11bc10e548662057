// A dialog with fields. It stays open until one of its actions succeeds, and shows what failed.

import { showMessage } from "./dialog.js";
import { h, replaceChildren } from "./dom.js";
import { describeErrors, fieldErrorsOf, messageOf } from "./errors.js";
import { showErrors } from "./field.js";

/** @typedef {import("./field.js").Field} Field */
/** @typedef {import("./errors.js").FieldError} FieldError */

/**
 * A button of the dialog. `run` returns a promise; it rejects with an error that may have `errors`,
 * a list of FieldError.
 *
 * @template T
 * @typedef {{ text: string, kind: "primary" | "danger", run: () => Promise<T> }} Action
 */

/**
 * Show a dialog with these fields and buttons. Enter runs the last action.
 *
 * @template T
 * @param {string} title
 * @param {Field[]} fields
 * @param {Action<T>[]} actions
 * @returns {Promise<T | null>} the result of the action that succeeded; null if the reader closed
 *   the dialog
 */
export function formDialog(title, fields, actions) {
  return new Promise((resolve) => new FormDialog(title, fields, actions, resolve).show());
}

/** @template T */
class FormDialog {
  /**
   * @param {string} title
   * @param {Field[]} fields
   * @param {Action<T>[]} actions
   * @param {(result: T | null) => void} resolve
   */
  constructor(title, fields, actions, resolve) {
    this.fields = fields;
    /** @type {T | null} */
    this.result = null;
    const main = actions[actions.length - 1];
    this.note = h("p", { class: "error-text", role: "alert" });
    this.buttons = actions.map((action) =>
      h(
        "button",
        action === main
          ? { class: action.kind }
          : { type: "button", class: action.kind, onclick: () => this.run(action) },
        action.text,
      ),
    );
    const close = () => this.element.close();
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.run(main);
    };
    /** @type {HTMLDialogElement} */
    this.element = h(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      h(
        "form",
        { onsubmit: submit },
        h("h2", { id: "dialog-title" }, title),
        fields.map((field) => field.element),
        this.note,
        h(
          "div",
          { class: "buttons" },
          h("button", { type: "button", onclick: close }, "Back"),
          this.buttons,
        ),
      ),
    );
    this.element.addEventListener("close", () => {
      this.element.remove();
      resolve(this.result);
    });
  }

  show() {
    document.body.append(this.element);
    this.element.showModal();
  }

  /** @param {Action<T>} action */
  async run(action) {
    this.setDisabled(true);
    this.showProblem([], "");
    try {
      this.result = await action.run();
      this.element.close();
    } catch (error) {
      this.setDisabled(false);
      this.showProblem(fieldErrorsOf(error), messageOf(error));
    }
  }

  /** @param {boolean} disabled */
  setDisabled(disabled) {
    for (const button of this.buttons) button.disabled = disabled;
  }

  /**
   * Show errors that name a field at that field, all others at the end. If the reader has closed
   * the dialog meanwhile, show the message in the corner of the page.
   *
   * @param {FieldError[]} errors
   * @param {string} message
   */
  showProblem(errors, message) {
    if (message && !this.element.isConnected) {
      showMessage(message, { error: true });
      return;
    }
    const rest = showErrors(this.fields, errors);
    replaceChildren(this.note, errors.length ? describeErrors(rest) : message);
    this.fields.find((field) => field.input.getAttribute("aria-invalid") === "true")?.input.focus();
  }
}
