// A row of the list of failures: a group of failed jobs, with the button that retries them.

import { actionButton, confirm, showMessage } from "../../lib/dialog.js";
import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { changeAll, countAll } from "../../shared/bulk.js";
import { jobHref, jobsHref } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { jobFilters } from "./failureFilters.js";

/** @typedef {import("../../types.js").FailureDocument} FailureDocument */
/** @typedef {import("./failureFilters.js").FailureFilters} FailureFilters */

const SHOWN_JOBS = 3;

/**
 * The row of a group.
 *
 * @param {FailureDocument} group
 * @param {FailureFilters} filters as the API takes them
 * @param {() => void} onChange is called after a retry
 * @returns {HTMLElement}
 */
export function failureRow(group, filters, onChange) {
  const selected = jobFilters(group.failure, filters);
  const jobs = jobsHref({ status: "failed", ...selected });
  return h(
    "tr",
    { "data-key": group.failure },
    h(
      "th",
      { scope: "row", title: group.latest_message },
      group.error_type || "no error",
      group.message && h("div", {}, group.message),
      h("div", { class: "quiet" }, samples(group)),
    ),
    h("td", {}, group.type),
    h("td", {}, h("a", { href: jobs }, format.number(group.count))),
    h("td", {}, moment(group.first_at)),
    h("td", {}, moment(group.last_at)),
    hasRole("admin") &&
      h(
        "td",
        {},
        actionButton("Retry…", () => retry(group, selected, onChange), {
          "aria-label": `Retry… ${group.type}: ${group.error_type} ${group.message}`,
        }),
      ),
  );
}

/** @param {FailureDocument} group */
function samples({ job_ids: ids, count }) {
  const links = ids
    .slice(0, SHOWN_JOBS)
    .map((id, at) => [
      at > 0 && ", ",
      h("a", { href: jobHref(id) }, h("code", {}, format.shortId(id))),
    ]);
  return ["Jobs ", links, count > SHOWN_JOBS && " …"];
}

/** @param {string} text */
const moment = (text) =>
  h("time", { datetime: text, title: format.fullTime(text) }, format.time(text));

/**
 * Count the jobs of a group, ask, and retry them.
 *
 * @param {FailureDocument} group
 * @param {import("./failureFilters.js").JobFilters} selected
 * @param {() => void} onChange
 */
async function retry(group, selected, onChange) {
  const found = await countAll("retry", selected);
  if (!found.matched && !found.next) {
    showMessage("None of these jobs is failed any more.");
    onChange();
    return;
  }
  const jobs = `${found.next ? "at least " : ""}${format.plural(found.matched, "job")}`;
  const isConfirmed = await confirm(
    `Retry ${jobs}?`,
    `${jobs} of the type ${group.type} with this error can be queued again: ` +
      `${group.error_type} ${group.message}`,
    `Retry ${jobs}`,
  );
  if (!isConfirmed) return;
  const changed = await changeAll("retry", selected);
  showMessage(`${format.plural(changed, "job")} queued again.`);
  onChange();
}
