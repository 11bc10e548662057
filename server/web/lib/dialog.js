// Confirmations and messages.

import { byId, h, setText } from "./dom.js";
import { describeErrors, fieldErrorsOf, messageOf } from "./errors.js";

const MESSAGE_MS = 6000;

/**
 * Ask for a confirmation. Escape and the button "Back" decline.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} yes the text of the button that confirms
 * @param {{ danger?: boolean }} [options] `danger` for an action that cannot be undone
 * @returns {Promise<boolean>} whether the reader confirmed
 */
export function confirm(title, text, yes, { danger = false } = {}) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      h(
        "form",
        { method: "dialog" },
        h("h2", { id: "dialog-title" }, title),
        h("p", {}, text),
        h(
          "div",
          { class: "buttons" },
          h("button", { value: "no" }, "Back"),
          h("button", { value: "yes", class: danger ? "danger" : "primary" }, yes),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Show a message in the corner. It disappears by itself; an error stays until it is dismissed.
 *
 * @param {string} text
 * @param {{ error?: boolean }} [options]
 */
export function showMessage(text, { error = false } = {}) {
  const message = h("div", { class: error ? "message error" : "message" }, h("span", {}, text));
  const dismiss = () => message.remove();
  message.append(h("button", { class: "plain", "aria-label": "Dismiss", onclick: dismiss }, "×"));
  byId("messages").append(message);
  if (!error) setTimeout(() => message.remove(), MESSAGE_MS);
}

/**
 * A button that runs an action: disabled meanwhile, and with a message if the action fails.
 *
 * @param {string} text
 * @param {() => unknown} action may return a promise
 * @param {import("./dom.js").Properties} [properties]
 * @returns {HTMLButtonElement}
 */
export function actionButton(text, action, properties = {}) {
  const onclick = (/** @type {MouseEvent} */ { currentTarget }) =>
    runAction(/** @type {HTMLButtonElement} */ (currentTarget), action);
  return h("button", { ...properties, onclick }, text);
}

/**
 * Run the action of a button, which is disabled meanwhile and keeps the focus. An error is shown as
 * a message; one that names fields is shown in `note`, if there is one.
 *
 * @param {HTMLButtonElement} button
 * @param {() => unknown} action may return a promise
 * @param {HTMLElement} [note]
 * @returns {Promise<boolean>} whether the action succeeded
 */
export async function runAction(button, action, note) {
  const hadFocus = document.activeElement === button;
  button.disabled = true; // which takes the focus from it
  if (note) setText(note, "");
  try {
    await action();
    return true;
  } catch (error) {
    const errors = describeErrors(fieldErrorsOf(error));
    if (note && errors) setText(note, errors);
    else showMessage(messageOf(error), { error: true });
    return false;
  } finally {
    button.disabled = false;
    if (hadFocus && document.activeElement === document.body) button.focus();
  }
}
