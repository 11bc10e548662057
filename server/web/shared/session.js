// Who is signed in, and what that caller may do. The service decides; here it is only told.

import { get, send, signInWith } from "./api.js";
import { h, put } from "../lib/dom.js";

export const OPEN = "No tokens are set (API_TOKENS): whoever reaches this address may do anything.";
const ROLES = ["read", "submit", "admin"];

let session = { tokens: null, name: null, role: "admin" }; // not known yet
let asking = null;

/** The document of /session. */
export const who = () => session;

/** Whether the caller has this role, or one that may do more. */
export const may = (role) => ROLES.indexOf(session.role) >= ROLES.indexOf(role);

/** Whether the caller may cancel, retry and delete a job. */
export const mayChange = (job) => may(session.name !== null && job.submitted_by === session.name ? "submit" : "admin");

/** Find out who is signed in, once somebody is. */
export async function loadSession() {
  signInWith(() => (asking ??= new Promise(askForToken).finally(() => { asking = null; })));
  show(await get("/session"));
}

function show(found) {
  // What another caller has left on the page is not for this one.
  if (session.name !== null && found.name !== session.name) location.reload();
  session = found;
  put(document.getElementById("caller"), session.tokens
    ? [h("span", {}, h("strong", {}, session.name), ` · ${session.role}`), h("button", { class: "plain", onclick: signOut }, "Sign out")]
    : h("span", { title: OPEN }, "Open to anyone"));
}

async function signOut() {
  try {
    await send("DELETE", "/session");
  } finally {
    location.reload(); // nothing of what was shown stays
  }
}

/** Ask until a token is good; what is behind the dialog stays as it is. */
function askForToken(resolve) {
  const input = h("input", { id: "token", type: "password", required: true, autocomplete: "current-password", "aria-describedby": "token-note" });
  const note = h("p", { id: "token-note", class: "error-text", role: "alert" });
  const button = h("button", { class: "primary" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      show(await send("POST", "/session", { token: input.value.trim() }));
      dialog.remove();
      resolve();
    } catch (error) {
      put(note, error.message);
      input.select();
    } finally {
      button.disabled = false;
    }
  };
  const dialog = h("dialog", { "aria-labelledby": "sign-in-title" }, h("form", { onsubmit: submit },
    h("h2", { id: "sign-in-title" }, "Sign in"),
    h("p", { class: "quiet" }, "This service asks for a token; its operator has one for you."),
    h("input", { type: "text", autocomplete: "username", value: location.host, hidden: true }), // for keepers of passwords
    h("div", { class: "field" }, h("label", { for: "token" }, "Token"), input, note),
    h("div", { class: "buttons" }, button)));
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal()); // some browsers close it all the same
  document.body.append(dialog);
  dialog.showModal();
}
