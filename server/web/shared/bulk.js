// Bulk changes: all jobs that filters select, page by page.

import { call } from "./api.js";

/** @typedef {import("../types.js").BulkDocument} BulkDocument */
/** @typedef {{ all?: true, status?: string[], [filter: string]: unknown }} BulkBody */

/**
 * Count the jobs that a bulk change would change.
 *
 * @param {"cancel" | "retry"} verb
 * @param {BulkBody} body
 * @returns {Promise<BulkDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const countAll = (verb, body) => call("POST", `/jobs/${verb}`, { ...body, dry_run: true });

/**
 * Change the jobs page by page; returns how many were changed.
 *
 * @param {"cancel" | "retry"} verb
 * @param {BulkBody} body
 * @returns {Promise<number>}
 * @throws {import("./api.js").ApiError}
 */
export async function changeAll(verb, body) {
  let changed = 0;
  /** @type {string | undefined} */
  let cursor;
  do {
    /** @type {BulkDocument} */
    const page = await call("POST", `/jobs/${verb}`, { ...body, cursor });
    changed += page.changed;
    cursor = page.next ?? undefined;
  } while (cursor);
  return changed;
}
