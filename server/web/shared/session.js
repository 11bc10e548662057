// The signed-in caller and the caller's role. The service enforces roles; the pages only show them.

import { byId, h, replaceChildren } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import { forgetAll } from "../lib/fileNotes.js";
import { callOnce, get, setSignIn } from "./api.js";

/** @typedef {import("../types.js").Role} Role */
/** @typedef {import("../types.js").SessionDocument} SessionDocument */

/** What the pages say about a service without authentication. */
export const OPEN_NOTICE =
  "No API tokens are configured (API_TOKENS): anyone who can reach this address has full access.";

/** @type {Role[]} each may do more than the one before */
const ROLES = ["read", "submit", "admin"];

/** @type {Omit<SessionDocument, "tokens"> & { tokens: boolean | null }} null until it is loaded */
let session = { tokens: null, name: null, role: "admin" };
/** @type {Promise<void> | null} the dialog that is open now */
let signingIn = null;

/**
 * Return the session as it was loaded last. Before that, `tokens` is null.
 *
 * @returns {typeof session}
 */
export const getSession = () => session;

/**
 * Return whether the caller's role is `role`, or one that includes it.
 *
 * @param {Role} role
 * @returns {boolean}
 */
export const hasRole = (role) => ROLES.indexOf(session.role) >= ROLES.indexOf(role);

/**
 * Return whether the caller may cancel, retry and delete a job: admins any job, submitters their
 * own.
 *
 * @param {import("../types.js").JobDocument} job
 * @returns {boolean}
 */
export const mayChange = (job) =>
  hasRole(session.name !== null && job.submitted_by === session.name ? "submit" : "admin");

/**
 * Load the session, after a sign-in if the service requires one.
 *
 * @returns {Promise<void>}
 * @throws {import("./api.js").ApiError}
 */
export async function loadSession() {
  setSignIn(
    () =>
      (signingIn ??= new Promise(askForToken).finally(() => {
        signingIn = null;
      })),
  );
  setSession(await get("/session"));
}

/** @param {SessionDocument} loaded */
function setSession(loaded) {
  // Remove what the page still shows of another caller.
  if (session.name !== null && loaded.name !== session.name) location.reload();
  session = loaded;
  byId("audit-link").hidden = !hasRole("admin");
  replaceChildren(
    byId("caller"),
    session.tokens
      ? [
          h("span", {}, h("strong", {}, session.name), ` · ${session.role}`),
          h("button", { class: "plain", onclick: signOut }, "Sign out"),
        ]
      : h("span", { title: OPEN_NOTICE }, "Open to anyone"),
  );
}

async function signOut() {
  try {
    await callOnce("DELETE", "/session");
  } finally {
    forgetAll();
    location.reload(); // removes all that the page shows
  }
}

/**
 * Show the sign-in dialog until a token is accepted. The page behind it stays as it is.
 *
 * @param {(value: void) => void} resolve
 */
function askForToken(resolve) {
  const input = h("input", {
    id: "token",
    type: "password",
    required: true,
    autocomplete: "current-password",
    "aria-describedby": "token-note",
  });
  const note = h("p", { id: "token-note", class: "error-text", role: "alert" });
  const button = h("button", { class: "primary" }, "Sign in");
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      setSession(await callOnce("POST", "/session", { token: input.value.trim() }));
      dialog.remove();
      resolve();
    } catch (error) {
      replaceChildren(note, messageOf(error));
      input.select();
    } finally {
      button.disabled = false;
    }
  };
  const dialog = h(
    "dialog",
    { "aria-labelledby": "sign-in-title" },
    h(
      "form",
      { onsubmit: submit },
      h("h2", { id: "sign-in-title" }, "Sign in"),
      h("p", { class: "quiet" }, "This service requires a token. Ask its operator for one."),
      h("input", { type: "text", autocomplete: "username", value: location.host, hidden: true }),
      h("div", { class: "field" }, h("label", { for: "token" }, "Token"), input, note),
      h("div", { class: "buttons" }, button),
    ),
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal()); // some browsers close it all the same
  document.body.append(dialog);
  dialog.showModal();
}
