// The filters of failures: in the address of the page, in the API, and in the form.

import { h } from "../../lib/dom.js";
import { choice, field, selectField } from "../../shared/filterFields.js";

/** @typedef {"type" | "queue" | "tag" | "since" | "cursor"} Name */
/** @typedef {Partial<Record<"failure" | "queue" | "tag" | "finished_after", string>>} JobFilters */
/** @typedef {Partial<Record<Name, string>>} FailureFilters */

/** @type {Record<string, number>} the choices of "since" in ms */
const SPANS = { "1h": 3600e3, "24h": 86400e3, "7d": 7 * 86400e3 };
/** @type {[value: string, text: string][]} */
const SINCE = [
  ["", "any time"],
  ["1h", "the last hour"],
  ["24h", "the last 24 hours"],
  ["7d", "the last 7 days"],
];
const TYPING_MS = 350;

/**
 * Read the filters from the query of an address. An unknown span counts as none.
 *
 * @param {string} search as in location.search
 * @returns {FailureFilters}
 */
export function readFilters(search) {
  const query = new URLSearchParams(search);
  /** @type {FailureFilters} */
  const filters = {};
  for (const name of /** @type {const} */ (["type", "queue", "tag", "since", "cursor"])) {
    const value = query.get(name);
    if (value && (name !== "since" || Object.hasOwn(SPANS, value))) filters[name] = value;
  }
  return filters;
}

/**
 * Return the filters as the API takes them: the span as a time.
 *
 * @param {FailureFilters} filters
 * @param {number} now in ms
 * @returns {FailureFilters}
 */
export function queryFilters({ since, ...filters }, now) {
  if (!since) return filters;
  return { ...filters, since: new Date(now - SPANS[since]).toISOString() };
}

/**
 * Return the filters of the jobs of a group, for lists and bulk changes.
 *
 * @param {string} failure
 * @param {FailureFilters} filters as the API takes them
 * @returns {JobFilters}
 */
export function jobFilters(failure, { queue, tag, since }) {
  return {
    failure,
    ...(queue && { queue }),
    ...(tag && { tag }),
    ...(since && { finished_after: since }),
  };
}

/**
 * The form. `onChange` is called with the new filters, without a cursor.
 *
 * @param {FailureFilters} filters
 * @param {{ types: string[], queues: string[] }} known the names to choose from
 * @param {(filters: FailureFilters) => void} onChange
 * @returns {HTMLFormElement}
 */
export function failureForm(filters, { types, queues }, onChange) {
  let timer = 0;
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Filters", onsubmit: submit },
    selectField("Failed", "since", SINCE, filters.since ?? ""),
    choice("Type", "type", types, filters.type),
    (queues.length > 1 || filters.queue) && choice("Queue", "queue", queues, filters.queue),
    field("Tag", h("input", { name: "tag", type: "search", maxlength: 100, value: filters.tag })),
  );
  const changeIn = (/** @type {number} */ ms) => {
    clearTimeout(timer);
    const entries = () => [...new FormData(form)].map(([name, value]) => [name, String(value)]);
    timer = setTimeout(() => onChange(readFilters(`?${new URLSearchParams(entries())}`)), ms);
  };
  function submit(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    changeIn(0);
  }
  form.addEventListener("input", ({ target }) =>
    changeIn(target instanceof HTMLInputElement ? TYPING_MS : 0),
  );
  return form;
}
