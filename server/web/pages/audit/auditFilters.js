// The filters of the audit log: in the address of the page, in the API, and in the form.

import { h } from "../../lib/dom.js";
import { field, selectField } from "../../shared/filterFields.js";

/** @typedef {"subject" | "action" | "caller" | "since" | "cursor"} Name */
/** @typedef {Partial<Record<Name, string>>} AuditFilters */

/** @type {Record<string, number>} the choices of "since" in ms */
const SPANS = { "1h": 3600e3, "24h": 86400e3, "7d": 7 * 86400e3 };
/** @type {[value: string, text: string][]} */
const SINCE = [
  ["", "any time"],
  ["1h", "the last hour"],
  ["24h", "the last 24 hours"],
  ["7d", "the last 7 days"],
];
const NAMES = /** @type {const} */ (["subject", "action", "caller", "since", "cursor"]);

/**
 * Read the filters from the query of an address. An unknown span counts as none.
 *
 * @param {string} search as in location.search
 * @returns {AuditFilters}
 */
export function readFilters(search) {
  const query = new URLSearchParams(search);
  /** @type {AuditFilters} */
  const filters = {};
  for (const name of NAMES) {
    const value = query.get(name)?.trim();
    if (value && (name !== "since" || Object.hasOwn(SPANS, value))) filters[name] = value;
  }
  return filters;
}

/**
 * Return the filters as the API takes them: the span as a time.
 *
 * @param {AuditFilters} filters
 * @param {number} now in ms
 * @returns {AuditFilters}
 */
export function queryFilters({ since, ...filters }, now) {
  if (!since) return filters;
  return { ...filters, since: new Date(now - SPANS[since]).toISOString() };
}

/**
 * The form. `onChange` is called with the new filters, without a cursor, when it is sent or a
 * choice changes.
 *
 * @param {AuditFilters} filters
 * @param {(filters: AuditFilters) => void} onChange
 * @returns {HTMLFormElement}
 */
export function auditForm(filters, onChange) {
  const text = (/** @type {string} */ label, /** @type {Name} */ name) =>
    field(label, h("input", { name, type: "search", maxlength: 200, value: filters[name] }));
  const change = () => {
    const entries = [...new FormData(form)].map(([name, value]) => [name, String(value)]);
    onChange(readFilters(`?${new URLSearchParams(entries)}`));
  };
  const form = h(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Filters",
      onchange: change,
      onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        change();
      },
    },
    text("Job, queue, schedule …", "subject"),
    text("Action", "action"),
    text("Caller", "caller"),
    selectField("Time", "since", SINCE, filters.since ?? ""),
  );
  return form;
}
