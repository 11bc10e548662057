// The filters of the audit log: in the address of the page, in the API, and in the form.

import { h } from "../../lib/dom.js";
import { field } from "../../shared/filterFields.js";
import { isSpan, sinceField } from "../../shared/spans.js";

/** @typedef {"subject" | "action" | "caller" | "since" | "cursor"} Name */
/** @typedef {Partial<Record<Name, string>>} AuditFilters */

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
    if (value && (name !== "since" || isSpan(value))) filters[name] = value;
  }
  return filters;
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
    sinceField("Time", filters.since),
  );
  return form;
}
