// The filters of the list of jobs, as they are in the address, in the API and in forms.

/** @typedef {import("../../types.js").Filters} Filters */
/** @typedef {import("../../types.js").FilterName} FilterName */
/** @typedef {import("../../shared/bulk.js").BulkBody} BulkBody */

/** @type {FilterName[]} */
const NAMES = [
  "status",
  "type",
  "queue",
  "schedule",
  "tag",
  "batch",
  "after",
  "text",
  "submitted_by",
  "created_after",
  "created_before",
  "finished_after",
  "finished_before",
  "failure",
];

/**
 * Read the filters, and the cursor of the shown page, from the query of an address.
 *
 * @param {string} search as in location.search
 * @returns {Filters}
 */
export function readFilters(search) {
  const query = new URLSearchParams(search);
  /** @type {Filters} */
  const filters = {};
  for (const name of /** @type {const} */ ([...NAMES, "cursor"])) {
    const value = query.get(name);
    if (value) filters[name] = value;
  }
  return filters;
}

/**
 * Return filters without the cursor.
 *
 * @param {Filters} filters
 * @returns {Filters}
 */
export function withoutCursor({ cursor: _, ...filters }) {
  return filters;
}

/**
 * Return the body of a bulk change of the jobs that match the filters. Without any filter, it asks
 * for all jobs by name.
 *
 * @param {Filters} filters
 * @returns {BulkBody}
 */
export function bulkBody(filters) {
  const { status, ...rest } = withoutCursor(filters);
  const body = status ? { ...rest, status: status.split(",") } : rest;
  return Object.keys(body).length ? body : { all: true };
}

/**
 * Return the filters of a submitted form. Times of its fields are in the reader's time zone.
 *
 * @param {FormData} data
 * @returns {Filters}
 */
export function filtersOf(data) {
  /** @type {Filters} */
  const filters = {};
  for (const name of NAMES) {
    const value = data.getAll(name).join(",");
    if (value) filters[name] = isTime(name) ? new Date(value).toISOString() : value;
  }
  return filters;
}

/** @param {string} name */
const isTime = (name) => name.endsWith("_after") || name.endsWith("_before");
