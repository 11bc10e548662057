// The members of an archive that was analyzed.

import { h, tableHead } from "../lib/dom.js";
import * as format from "../lib/format.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").Member} Member */

const MOST = 100;

/**
 * The section of the members; null if the file is no archive.
 *
 * @param {Analysis} analysis
 * @returns {HTMLElement | null}
 */
export function membersPanel({ archive, members }) {
  if (!archive || !members) return null;
  const shown = members.slice(0, MOST);
  const more = archive.analyzed + archive.failed - shown.length;
  return h(
    "section",
    { "data-key": "members" },
    h("h2", {}, "Members of the archive"),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Members of the archive" },
      h(
        "table",
        { class: "figures" },
        tableHead(["Name", "Occurrences", "Lines", "Size"]),
        h("tbody", {}, shown.map(memberRow)),
      ),
    ),
    more > 0 && h("p", { class: "quiet" }, `${format.plural(more, "more member")}.`),
  );
}

/** @param {Member} member */
function memberRow({ name, counts, lines, bytes, error }) {
  const all = Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);
  const number = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? "–" : format.number(value);
  return h(
    "tr",
    { "data-key": name },
    h("th", { scope: "row" }, name, error && h("p", { class: "error-text" }, error.message)),
    h("td", {}, error ? "–" : number(all)),
    h("td", {}, number(lines)),
    h("td", {}, bytes === null ? "–" : format.bytes(bytes)),
  );
}
