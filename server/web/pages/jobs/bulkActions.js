// Cancel or retry of all jobs that the filters choose: counted first, then asked, then done in parts.

import { call } from "../../shared/api.js";
import { ask, attempt, tell } from "../../lib/dialog.js";
import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { may } from "../../shared/session.js";
import { bulkBody } from "./filterForm.js";

const DONE = { cancel: "canceled", retry: "queued again" };

/** The two buttons; `filters` tells which are meant. */
export function bulkButtons(filters) {
  const refused = !may("admin");
  const button = (verb, text) => h("button",
    { disabled: refused, onclick: (event) => attempt(event.target, () => change(verb, filters())) }, text);
  return h("div", { class: "buttons" }, refused && h("span", { class: "quiet" }, "For admins only:"),
    button("cancel", "Cancel all…"), button("retry", "Retry all…"));
}

async function change(verb, filters) {
  const body = bulkBody(filters);
  const found = await call("POST", `/jobs/${verb}`, { ...body, dry_run: true });
  const which = verb === "cancel" ? "queued or running" : "failed or canceled";
  if (!found.matched && !found.next) return tell(`None of these jobs is ${which}.`);
  const many = `${found.next ? "at least " : ""}${format.plural(found.matched, "job")}`;
  const chosen = body.all ? "No filter is set: these are all jobs." : "These are the jobs that the filters choose.";
  const yes = `${verb === "cancel" ? "Cancel" : "Retry"} ${many}`;
  const sure = await ask(`${yes}?`, `${many} can be ${DONE[verb]}. ${chosen}`, yes, { danger: verb === "cancel" });
  if (sure) tell(await changeAll(verb, body));
}

/** Page by page, to the end. */
async function changeAll(verb, body) {
  let [changed, cursor] = [0, undefined];
  do {
    const done = await call("POST", `/jobs/${verb}`, { ...body, cursor });
    changed += done.changed;
    cursor = done.next ?? undefined;
  } while (cursor);
  return `${format.plural(changed, "job")} ${verb === "cancel" ? "canceled, or asked to" : "queued again"}.`;
}
