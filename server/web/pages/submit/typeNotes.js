// What the page says about job types: where one comes from, its defaults, and what does not work.

import { h } from "../../lib/dom.js";
import { withGuides } from "../../lib/guides.js";
import * as format from "../../lib/format.js";

/** @typedef {import("../../types.js").BrokenTypeDocument} BrokenTypeDocument */
/** @typedef {import("../../types.js").JobTypeDocument} JobTypeDocument */

/**
 * Say in one line where a job type comes from, and which options its jobs have by default.
 *
 * @param {JobTypeDocument} type
 * @returns {string} empty for a built-in type
 */
export function describeType({ origin, file, version, defaults, isolation, network }) {
  if (origin === "built-in") return "";
  const options = Object.entries(defaults).map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [
    file ? `From ${file} (${origin})` : `From a ${origin}`,
    version && `version ${version}`,
    options.length > 0 && `defaults: ${options.join(", ")}`,
    isolation === "fresh" && "a new process for each job",
    isolation === "shared" && "processes shared by all callers",
    !network && "no network",
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * Return a list of the files of job types that do not work; null if all do.
 *
 * @param {BrokenTypeDocument[]} broken
 * @returns {HTMLElement | null}
 */
export function brokenTypes(broken) {
  if (!broken.length) return null;
  const title = `${format.plural(broken.length, "job type")} of this service cannot be used`;
  return h(
    "details",
    { class: "card", open: broken.length <= 3 },
    h("summary", {}, title),
    h(
      "ul",
      {},
      broken.map(({ file, line, reason, remedy }) =>
        h(
          "li",
          {},
          h("code", {}, line === null ? file : `${file}:${line}`),
          ` ${reason}. `,
          h("span", { class: "quiet" }, withGuides(`Remedy: ${remedy}.`)),
        ),
      ),
    ),
  );
}
