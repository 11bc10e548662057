// Addresses of the API and of pages. Names and ids in them are escaped.

/**
 * Return the path of a job in the API, or of a resource of the job.
 *
 * @param {string} id
 * @param {string} [rest] as in "/cancel"
 * @returns {string}
 */
export const jobPath = (id, rest = "") => `/jobs/${encodeURIComponent(id)}${rest}`;

/**
 * Return the path of a batch in the API, or of a resource of the batch.
 *
 * @param {string} id
 * @param {string} [rest] as in "/cancel"
 * @returns {string}
 */
export const batchPath = (id, rest = "") => `/batches/${encodeURIComponent(id)}${rest}`;

/**
 * Return the path of a queue in the API.
 *
 * @param {string} name
 * @returns {string}
 */
export const queuePath = (name) => `/queues/${encodeURIComponent(name)}`;

/**
 * Return a query with its question mark, or an empty string if there are no values.
 *
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
export function queryOf(values) {
  const pairs = Object.entries(values).map(([name, value]) => [name, String(value)]);
  const text = new URLSearchParams(pairs).toString();
  return text ? `?${text}` : "";
}

/**
 * Return the address of the page of a job.
 *
 * @param {string} id
 * @returns {string}
 */
export const jobHref = (id) => `/ui/jobs/${encodeURIComponent(id)}`;

/**
 * Return the address of the page of a schedule.
 *
 * @param {string} name
 * @returns {string}
 */
export const scheduleHref = (name) => `/ui/schedules/${encodeURIComponent(name)}`;

/**
 * Return the address of the list of jobs with these filters.
 *
 * @param {import("../types.js").Filters} [filters]
 * @returns {string}
 */
export const jobsHref = (filters = {}) => `/ui/jobs${queryOf(filters)}`;

/**
 * Return the address of the audit log with these filters. Empty ones are left out.
 *
 * @param {Record<string, string>} filters
 * @returns {string}
 */
export const auditHref = (filters) => `/ui/audit${queryOf(given(filters))}`;

/** @param {Record<string, string>} filters */
const given = (filters) => Object.fromEntries(Object.entries(filters).filter(([, value]) => value));

/**
 * Return the address of the list of failures with these filters. Empty ones are left out.
 *
 * @param {Record<string, string>} filters
 * @returns {string}
 */
export const failuresHref = (filters) => `/ui/failures${queryOf(given(filters))}`;
