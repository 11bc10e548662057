// The filters of failures: in the address of the page, in the API, and in the form.

import { h } from "../../lib/dom.js";
import { choice, field } from "../../shared/filterFields.js";
import { isSpan, sinceField } from "../../shared/spans.js";

/** @typedef {"type" | "queue" | "tag" | "since" | "cursor"} Name */
/** @typedef {Partial<Record<"failure" | "queue" | "tag" | "finished_after", string>>} JobFilters */
/** @typedef {Partial<Record<Name, string>>} FailureFilters */

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
    if (value && (name !== "since" || isSpan(value))) filters[name] = value;
  }
  return filters;
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
    sinceField("Failed", filters.since),
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
