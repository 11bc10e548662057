// Calls of the API about schedules.

import { call, get, newIdempotencyKey } from "./api.js";
import { queryOf } from "./links.js";
import { getSession, hasRole } from "./session.js";

/** @typedef {import("../types.js").AcceptedDocument} AcceptedDocument */
/** @typedef {import("../types.js").ScheduleDocument} ScheduleDocument */
/** @typedef {import("../types.js").ScheduleHeadDocument} ScheduleHeadDocument */
/** @typedef {import("../types.js").ScheduleRequest} ScheduleRequest */
/** @typedef {import("../types.js").SchedulesDocument} SchedulesDocument */

const PAGE_LENGTH = 100;

/**
 * @param {string} name
 * @param {string} [rest]
 */
const pathOf = (name, rest = "") => `/schedules/${encodeURIComponent(name)}${rest}`;

/**
 * Get a page of the list of schedules, sorted by name.
 *
 * @param {string | null} cursor null for the first page
 * @returns {Promise<SchedulesDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const getSchedules = (cursor) =>
  get(`/schedules${queryOf({ limit: PAGE_LENGTH, ...(cursor ? { cursor } : {}) })}`);

/**
 * Get a schedule.
 *
 * @param {string} name
 * @returns {Promise<ScheduleDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const getSchedule = (name) => get(pathOf(name));

/**
 * Create a schedule, which must not exist.
 *
 * @param {string} name
 * @param {ScheduleRequest} request
 * @returns {Promise<ScheduleDocument>}
 * @throws {import("./api.js").ApiError} with status 412 if there is one with this name
 */
export const createSchedule = (name, request) =>
  call("PUT", pathOf(name), request, { "If-None-Match": "*" });

/**
 * Replace all of a schedule.
 *
 * @param {string} name
 * @param {ScheduleRequest} request
 * @returns {Promise<ScheduleDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const replaceSchedule = (name, request) => call("PUT", pathOf(name), request);

/**
 * Pause a schedule, or let it fire again.
 *
 * @param {string} name
 * @param {boolean} paused
 * @returns {Promise<ScheduleDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const pauseSchedule = (name, paused) => call("PATCH", pathOf(name), { paused });

/**
 * Submit a job of a schedule now.
 *
 * @param {string} name
 * @returns {Promise<AcceptedDocument>}
 * @throws {import("./api.js").ApiError}
 */
export const runSchedule = (name) =>
  call("POST", pathOf(name, "/run"), undefined, { "Idempotency-Key": newIdempotencyKey() });

/**
 * Delete a schedule.
 *
 * @param {string} name
 * @returns {Promise<null>}
 * @throws {import("./api.js").ApiError}
 */
export const deleteSchedule = (name) => call("DELETE", pathOf(name));

/**
 * Return whether the caller may change and run a schedule: admins any, submitters those that they
 * have created.
 *
 * @param {Pick<ScheduleHeadDocument, "created_by">} schedule
 * @returns {boolean}
 */
export const mayChangeSchedule = ({ created_by: creator }) => {
  const { name } = getSession();
  return hasRole(name !== null && creator === name ? "submit" : "admin");
};
