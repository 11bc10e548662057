// The section of the newest batches on the overview: how far each is, with a link to its jobs.

import { h, tableHead } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { get } from "../../shared/api.js";
import { jobsHref } from "../../shared/links.js";
import { LazySection } from "./lazySection.js";

/** @typedef {import("../../types.js").BatchDocument} BatchDocument */

const MOST = 20;
const COUNTS = /** @type {const} */ (["queued", "running", "succeeded", "failed", "canceled"]);

/** Return the section, closed. @returns {HTMLElement} */
export const batchesSection = () => new LazySection("Batches", newestBatches).element;

async function newestBatches() {
  /** @type {{ items: BatchDocument[], next: string | null }} */
  const { items, next } = await get(`/batches?limit=${MOST}`);
  if (!items.length) return [h("p", { class: "quiet" }, "There are no batches.")];
  const heads = ["Batch", "By", "Jobs", "Queued", "Running", "Succeeded", "Failed", "Canceled"];
  return [
    h("table", {}, tableHead(heads), h("tbody", {}, items.map(row))),
    next && h("p", { class: "quiet" }, `The newest ${MOST} batches.`),
  ];
}

/** @param {BatchDocument} batch */
function row(batch) {
  const { batch_id: id, created_at: at, submitted_by: by, size } = batch;
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("a", { href: jobsHref({ batch: id }), title: id }, format.time(at)),
    ),
    h("td", {}, by ?? ""),
    h("td", { class: "number" }, format.number(size)),
    COUNTS.map((name) => h("td", { class: "number" }, format.number(batch[name]))),
  );
}
