// The filters of a list: a form, and the query in the address. The address is what counts.

import { h } from "../../lib/dom.js";
import { who } from "../../shared/session.js";
import { STATUSES } from "../../shared/status.js";

const NAMES = ["status", "type", "queue", "text", "submitted_by", "created_after", "created_before"];
const TYPING_MS = 350;

/** The filters in an address, as the API has them, the cursor included. */
export function readFilters(search = location.search) {
  const query = new URLSearchParams(search);
  const kept = [...NAMES, "cursor"].filter((name) => query.get(name)).map((name) => [name, query.get(name)]);
  return Object.fromEntries(kept);
}

/** The same as a query, with a question mark unless it is empty. */
export function queryOf(filters) {
  const text = new URLSearchParams(filters).toString();
  return text ? `?${text}` : "";
}

/** The same for a bulk change: all jobs, where nothing is chosen. */
export function bulkBody({ cursor: _, status, ...filters }) {
  const chosen = status ? { ...filters, status: status.split(",") } : filters;
  return Object.keys(chosen).length ? chosen : { all: true };
}

/** The form; `onChange` is called with the new filters. */
export function filterForm(filters, { types, queues }, onChange) {
  let timer = 0;
  const form = h("form", { class: "filters", role: "search", "aria-label": "Filters", onsubmit: submit },
    statusField(filters.status?.split(",") ?? []),
    choice("Type", "type", types, filters.type),
    (queues.length > 1 || filters.queue) && choice("Queue", "queue", queues, filters.queue),
    field("Text", h("input", { name: "text", type: "search", maxlength: 200, value: filters.text,
      placeholder: "in payload or file name" })),
    who().tokens && field("Submitted by", h("input", { name: "submitted_by", type: "search", maxlength: 64, value: filters.submitted_by })),
    h("details", { class: "times", open: Boolean(filters.created_after || filters.created_before) }, h("summary", {}, "Time"), h("div", {},
      field("From", h("input", { name: "created_after", type: "datetime-local", step: 1, value: local(filters.created_after) })),
      field("Until", h("input", { name: "created_before", type: "datetime-local", step: 1, value: local(filters.created_before) })))),
    h("button", { type: "reset", class: "plain" }, "Clear"));
  const change = () => onChange(valuesOf(form));
  const later = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(change, ms);
  };
  function submit(event) {
    event.preventDefault();
    later(0);
  }
  form.addEventListener("input", () => later(TYPING_MS));
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // it would set what the page began with
    for (const each of form.elements) [each.checked, each.value] = [false, each.type === "checkbox" ? each.value : ""];
    later(0);
  });
  return form;
}

function statusField(chosen) {
  return h("fieldset", { class: "chips" }, h("legend", {}, "Status"), STATUSES.map((status) =>
    h("label", { class: `chip ${status}` },
      h("input", { type: "checkbox", name: "status", value: status, checked: chosen.includes(status) }),
      status)));
}

function choice(label, name, values, chosen = "") {
  const known = [...new Set([...values, chosen])].filter(Boolean); // one that is chosen may be gone
  return field(label, h("select", { name }, option("", "all", chosen), known.map((each) => option(each, each, chosen))));
}

function field(name, input) {
  return h("label", { class: "field" }, h("span", {}, name), input);
}

function option(value, text, chosen) {
  return h("option", { value, selected: value === chosen }, text);
}

function valuesOf(form) {
  const data = new FormData(form);
  const values = { status: data.getAll("status").join(","), type: data.get("type"), queue: data.get("queue"), text: data.get("text"),
    submitted_by: data.get("submitted_by") };
  for (const name of ["created_after", "created_before"]) values[name] = data.get(name) && new Date(data.get(name)).toISOString();
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value));
}

/** A time of the API as its field has it: in the reader's time zone, without one. */
function local(text) {
  const date = new Date(text ?? NaN);
  if (Number.isNaN(date.getTime())) return null;
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 19);
}
