// Questions and messages.

import { h } from "./dom.js";

const MESSAGE_MS = 6000;

/** Ask; resolves to whether the answer was yes. Escape and the first button mean no. */
export function ask(title, text, yes, { danger = false } = {}) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "dialog-title" }, title),
        h("p", {}, text),
        h("div", { class: "buttons" },
          h("button", { value: "no" }, "Back"),
          h("button", { value: "yes", class: danger ? "danger" : "primary" }, yes))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Tell something that goes away by itself; an error stays until it is put away. */
export function tell(text, { error = false } = {}) {
  const message = h("div", { class: error ? "message error" : "message" }, h("span", {}, text),
    h("button", { class: "plain", "aria-label": "Put away", onclick: () => message.remove() }, "×"));
  document.getElementById("messages").append(message);
  if (!error) setTimeout(() => message.remove(), MESSAGE_MS);
}

/** Do something with a button off meanwhile; an error is told. Whether it went well. */
export async function attempt(button, work) {
  if (button) button.disabled = true;
  try {
    await work();
    return true;
  } catch (error) {
    tell(error.message, { error: true });
    return false;
  } finally {
    if (button) button.disabled = false;
  }
}
