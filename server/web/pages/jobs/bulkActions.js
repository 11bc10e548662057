// Cancels or retries all jobs that match the filters: counts them, asks, then changes them page by
// page.

import { actionButton, confirm, showMessage } from "../../lib/dialog.js";
import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { changeAll, countAll } from "../../shared/bulk.js";
import { hasRole } from "../../shared/session.js";
import { bulkBody } from "./filters.js";

/** @typedef {import("../../types.js").Filters} Filters */
/** @typedef {"cancel" | "retry"} Verb */

const WORDS = {
  cancel: {
    button: "Cancel",
    applicable: "queued or running",
    changed: "canceled",
    result: "canceled or being canceled",
  },
  retry: {
    button: "Retry",
    applicable: "failed or canceled",
    changed: "queued again",
    result: "queued again",
  },
};

/**
 * The buttons "Cancel all" and "Retry all".
 *
 * @param {() => Filters} filters returns the filters as they are now
 * @returns {HTMLElement}
 */
export function bulkButtons(filters) {
  const isAdmin = hasRole("admin");
  const button = (/** @type {Verb} */ verb) =>
    actionButton(`${WORDS[verb].button} all…`, () => change(verb, filters()), {
      disabled: !isAdmin,
    });
  return h(
    "div",
    { class: "buttons" },
    !isAdmin && h("span", { class: "quiet" }, "For admins only:"),
    button("cancel"),
    button("retry"),
  );
}

/**
 * @param {Verb} verb
 * @param {Filters} filters
 */
async function change(verb, filters) {
  const body = bulkBody(filters);
  const words = WORDS[verb];
  const found = await countAll(verb, body);
  if (!found.matched && !found.next) {
    showMessage(`None of these jobs is ${words.applicable}.`);
    return;
  }
  const jobs = `${found.next ? "at least " : ""}${format.plural(found.matched, "job")}`;
  const which = body.all
    ? "No filter is set, so this includes all jobs."
    : "These are the jobs that match the filters.";
  const action = `${words.button} ${jobs}`;
  const isConfirmed = await confirm(
    `${action}?`,
    `${jobs} can be ${words.changed}. ${which}`,
    action,
    { danger: verb === "cancel" },
  );
  if (isConfirmed)
    showMessage(`${format.plural(await changeAll(verb, body), "job")} ${words.result}.`);
}
