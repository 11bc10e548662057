// The form of the filters. A choice applies at once, a text a moment after the last key.

import { h } from "../../lib/dom.js";
import { choice, field } from "../../shared/filterFields.js";
import { localTime } from "../../shared/localTime.js";
import { getSession } from "../../shared/session.js";
import { STATUSES } from "../../shared/status.js";
import { filtersOf } from "./filters.js";

/** @typedef {import("../../types.js").Filters} Filters */

const TYPING_MS = 350;

/**
 * The form. `onChange` is called with the new filters, without a cursor.
 *
 * @param {Filters} filters
 * @param {{ types: string[], queues: string[] }} known the names to choose from
 * @param {(filters: Filters) => void} onChange
 * @returns {HTMLFormElement}
 */
export function filterForm(filters, { types, queues }, onChange) {
  let timer = 0;
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Filters", onsubmit: submit },
    statusField(filters.status?.split(",") ?? []),
    choice("Type", "type", types, filters.type),
    (queues.length > 1 || filters.queue) && choice("Queue", "queue", queues, filters.queue),
    filters.schedule &&
      field(
        "Schedule",
        h("input", { name: "schedule", type: "search", maxlength: 64, value: filters.schedule }),
      ),
    field("Tag", h("input", { name: "tag", type: "search", maxlength: 100, value: filters.tag })),
    filters.batch &&
      field("Batch", h("input", { name: "batch", type: "search", value: filters.batch })),
    filters.after &&
      field("After", h("input", { name: "after", type: "search", value: filters.after })),
    field(
      "Text",
      h("input", {
        name: "text",
        type: "search",
        maxlength: 200,
        value: filters.text,
        placeholder: "in payload, metadata, file name, id",
      }),
    ),
    getSession().tokens &&
      field(
        "Submitted by",
        h("input", {
          name: "submitted_by",
          type: "search",
          maxlength: 64,
          value: filters.submitted_by,
        }),
      ),
    times("Created", "created_after", "created_before", filters),
    times("Ended", "finished_after", "finished_before", filters),
    filters.failure &&
      field(
        "Failure",
        h("input", { name: "failure", type: "search", maxlength: 16, value: filters.failure }),
      ),
    h("button", { type: "reset", class: "plain" }, "Clear"),
  );
  const changeIn = (/** @type {number} */ ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => onChange(filtersOf(new FormData(form))), ms);
  };
  function submit(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    changeIn(0);
  }
  form.addEventListener("input", ({ target }) => changeIn(isTyped(target) ? TYPING_MS : 0));
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // it would restore the filters that the page began with
    for (const each of form.elements) clear(each);
    changeIn(0);
  });
  return form;
}

/** @param {EventTarget | null} target */
const isTyped = (target) => target instanceof HTMLInputElement && target.type !== "checkbox";

/** @param {Element} element */
function clear(element) {
  if (element instanceof HTMLInputElement && element.type === "checkbox") element.checked = false;
  else if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement)
    element.value = "";
}

/** @param {string[]} chosen */
function statusField(chosen) {
  return h(
    "fieldset",
    { class: "chips" },
    h("legend", {}, "Status"),
    STATUSES.map((status) =>
      h(
        "label",
        { class: `chip ${status}` },
        h("input", {
          type: "checkbox",
          name: "status",
          value: status,
          checked: chosen.includes(status),
        }),
        status,
      ),
    ),
  );
}

/**
 * @param {string} label
 * @param {import("../../types.js").TimeFilterName} after
 * @param {import("../../types.js").TimeFilterName} before
 * @param {Filters} filters
 */
function times(label, after, before, filters) {
  return h(
    "details",
    { class: "times", open: Boolean(filters[after] || filters[before]) },
    h("summary", {}, label),
    h("div", {}, timeField("From", after, filters), timeField("Until", before, filters)),
  );
}

/**
 * @param {string} label
 * @param {import("../../types.js").TimeFilterName} name
 * @param {Filters} filters
 */
function timeField(label, name, filters) {
  return field(
    label,
    h("input", { name, type: "datetime-local", step: 1, value: localTime(filters[name]) }),
  );
}
