// Calls of the API about pattern sets.

import { call, get } from "./api.js";
import { getSession, hasRole } from "./session.js";

/** @typedef {import("../types.js").PatternSetDocument} PatternSetDocument */
/** @typedef {import("../types.js").PatternSetHeadDocument} PatternSetHeadDocument */

/** @param {string} name */
const pathOf = (name) => `/pattern-sets/${encodeURIComponent(name)}`;

/**
 * Get all saved and built-in sets without their patterns, sorted by name.
 *
 * @returns {Promise<PatternSetHeadDocument[]>}
 * @throws {import("./api.js").ApiError}
 */
export const getSets = async () => (await get("/pattern-sets")).items;

/**
 * Get a set with its patterns.
 *
 * @param {string} name
 * @returns {Promise<PatternSetDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const getSet = (name) => get(pathOf(name));

/**
 * Save patterns as a set, or replace all of the set of this name.
 *
 * @param {string} name
 * @param {unknown[]} patterns
 * @param {string} description
 * @returns {Promise<PatternSetDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const putSet = (name, patterns, description) =>
  call("PUT", pathOf(name), { patterns, description });

/**
 * Delete a saved set.
 *
 * @param {string} name
 * @returns {Promise<null>}
 * @throws {import("./api.js").ApiError}
 */
export const deleteSet = (name) => call("DELETE", pathOf(name));

/**
 * Return whether the caller may replace and delete a set: admins any saved set, submitters those
 * that they have created.
 *
 * @param {PatternSetHeadDocument} set
 * @returns {boolean}
 */
export const mayChangeSet = (set) => {
  const { name } = getSession();
  return !set.built_in && hasRole(name !== null && set.created_by === name ? "submit" : "admin");
};
