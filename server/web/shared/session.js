// The signed-in caller and the caller's role. The service enforces roles; the pages only show them.

import { byId, h, replaceChildren } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import { forgetAll } from "../lib/fileNotes.js";
import { bytes, number, plural } from "../lib/format.js";
import { atRoot, belowRoot } from "../lib/root.js";
import { ApiError, callOnce, get, setSignIn } from "./api.js";

/** @typedef {import("../types.js").Role} Role */
/** @typedef {import("../types.js").SessionDocument} SessionDocument */

/** How people can sign in: with a `token`, and at the provider with this host. */
const [WITH_TOKEN, PROVIDER] = (() => {
  const meta = globalThis.document?.querySelector("meta[name=sign-in]"); // unit tests have none
  const ways = (meta?.getAttribute("content") ?? "").split(" ").filter(Boolean);
  return [ways.includes("token"), ways.find((each) => each !== "token") ?? null];
})();

/** What the pages say about a service without authentication. */
export const OPEN_NOTICE =
  "No API tokens are configured (API_TOKENS): anyone who can reach this address has full access.";

const TOKEN_NOTICE = PROVIDER
  ? "Or use a token. The operator of this service has them."
  : "This service requires a token. Ask its operator for one.";
const PROXY_NOTICE =
  "Sign in at the proxy in front of this service: open its address, and load this page again.";
const MIN_RENEWAL_MS = 1000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @type {Role[]} each may do more than the one before */
const ROLES = ["read", "submit", "admin"];
/** The role of a caller who sees only its own jobs, and may change these like a submitter. */
const OWN = "read-own";

/** @type {Omit<SessionDocument, "tokens"> & { tokens: boolean | null }} null until it is loaded */
let session = {
  tokens: null,
  name: null,
  role: "admin",
  queues: null,
  method: null,
  expires_at: null,
  quotas: { queued: null, bytes: null, requests: null },
};
/** @type {Promise<void> | null} the dialog that is open now */
let signingIn = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let renewal;

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
export const hasRole = (role) =>
  ROLES.indexOf(session.role === OWN ? "submit" : session.role) >= ROLES.indexOf(role);

/**
 * Return whether the caller sees the jobs of all callers in all queues, and so may read what is
 * about all jobs.
 *
 * @returns {boolean}
 */
export const seesAll = () => session.role !== OWN && session.queues === null;

/**
 * Return the caller's role as text, with its queues if it is limited to some.
 *
 * @returns {string}
 */
const rights = () =>
  session.queues ? `${session.role} in ${session.queues.join(", ")}` : session.role;

/**
 * Return the caller's name and role. With quotas, they open a list of these.
 *
 * @returns {HTMLElement}
 */
function callerText() {
  const who = [h("strong", {}, session.name), ` · ${rights()}`];
  if (!Object.values(session.quotas).some(Boolean)) return h("span", {}, who);
  const list = h("ul", { "aria-label": "Quotas" }, quotaItems(session));
  const details = h("details", {}, h("summary", {}, who), list);
  details.addEventListener("toggle", () => details.open && showUse(list));
  return details;
}

/**
 * Show in the list of quotas what is used now.
 *
 * @param {HTMLElement} list
 */
async function showUse(list) {
  replaceChildren(list, quotaItems(await get("/session")));
}

/**
 * Return an item for each quota of the caller.
 *
 * @param {Pick<SessionDocument, "quotas">} session
 * @returns {HTMLElement[]}
 */
function quotaItems({ quotas: { queued, bytes: files, requests } }) {
  return [
    queued && `${used(queued, number)}${plural(queued.limit, "queued job")}`,
    files && `${used(files, bytes)}${bytes(files.limit)} of files`,
    requests && `${plural(requests.limit, "request")} per second`,
  ]
    .filter(Boolean)
    .map((text) => h("li", {}, text));
}

/**
 * Return the first half of a text such as "12 of 1,000 queued jobs".
 *
 * @param {import("../types.js").UseQuotaDocument} quota
 * @param {(value: number) => string} text
 * @returns {string}
 */
function used({ used }, text) {
  return used === null ? "" : `${text(used)} of `;
}

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
      (signingIn ??= new Promise(askToSignIn).finally(() => {
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
  clearTimeout(renewal);
  if (loaded.method === "oidc") renewal = setTimeout(renew, msToRenewal());
  byId("audit-link").hidden = !hasRole("admin");
  replaceChildren(
    byId("caller"),
    session.tokens
      ? [
          callerText(),
          // The session of a proxy ends at the proxy.
          session.method === "proxy"
            ? null
            : h("button", { class: "plain", onclick: signOut }, "Sign out"),
        ]
      : h("span", { title: OPEN_NOTICE }, "Open to anyone"),
  );
}

async function signOut() {
  const isAtProvider = session.method === "oidc";
  try {
    await callOnce("DELETE", "/session");
  } finally {
    forgetAll();
    // Both remove all that the page shows.
    if (isAtProvider) location.assign(atRoot("/ui/sign-out"));
    else location.reload();
  }
}

/** Return the milliseconds until half of the time that the session still has is over. */
function msToRenewal() {
  const left = Date.parse(session.expires_at ?? "") - Date.now();
  return Math.min(Math.max(left / 2, MIN_RENEWAL_MS), MAX_TIMER_MS);
}

/**
 * Renew the session, in one of the pages that are open: a provider takes a refresh token once. If
 * it refuses, the session lasts to its end, and the next call then asks for a sign-in.
 */
async function renew() {
  const known = session.expires_at;
  const ask = async () => {
    const now = /** @type {SessionDocument} */ (await callOnce("GET", "/session"));
    if (now.expires_at !== known || now.method !== "oidc") setSession(now);
    else setSession(await callOnce("POST", "/ui/sign-in/renew"));
  };
  try {
    // Only pages over HTTPS and of localhost have locks.
    await (navigator.locks?.request("job-service-renewal", ask) ?? ask());
  } catch (error) {
    const status = error instanceof ApiError ? error.status : 0;
    if (status === 0 || status >= 500) renewal = setTimeout(renew, msToRenewal());
  }
}

/**
 * Show the sign-in dialog until a token is accepted. The page behind it stays as it is, unless the
 * person signs in at the provider, which leads back to this address.
 *
 * @param {(value: void) => void} resolve
 */
function askToSignIn(resolve) {
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
      ...(PROVIDER ? [providerLink(PROVIDER)] : []),
      ...(WITH_TOKEN
        ? [
            h("p", { class: "quiet" }, TOKEN_NOTICE),
            h("input", {
              type: "text",
              autocomplete: "username",
              value: location.host,
              hidden: true,
            }),
            h("div", { class: "field" }, h("label", { for: "token" }, "Token"), input, note),
            h("div", { class: "buttons" }, button),
          ]
        : []),
      ...(WITH_TOKEN || PROVIDER ? [] : [h("p", {}, PROXY_NOTICE)]),
    ),
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal()); // some browsers close it all the same
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Return a link to the sign-in at the provider, which leads back to the present address.
 *
 * @param {string} host
 */
function providerLink(host) {
  const page = (belowRoot(location.pathname) ?? "/") + location.search + location.hash;
  const href = atRoot(`/ui/sign-in?next=${encodeURIComponent(page)}`);
  return h(
    "p",
    { class: "buttons" },
    // With a target, the router leaves it to the browser.
    h("a", { class: "button primary", href, target: "_self" }, `Sign in with ${host}`),
  );
}
