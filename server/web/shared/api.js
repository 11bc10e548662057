// Calls of the HTTP API. Every error is an ApiError.

import { atRoot } from "../lib/root.js";
import { takeEarly } from "./early.js";

/** @typedef {import("../types.js").FieldDocument} FieldDocument */

/** An error response of the API. Without any response, `status` is 0. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {FieldDocument[]} [errors] the errors that name a field
   * @param {string} [code] what kind of error it is, such as `upload_not_found`
   */
  constructor(status, detail, errors = [], code = "") {
    super(detail);
    this.status = status;
    this.errors = errors;
    this.code = code;
  }
}

/** @type {() => Promise<void>} */
let signIn = async () => {};

/**
 * Set the function that signs a person in. It is called after a response with status 401.
 *
 * @param {() => Promise<void>} ask
 */
export function setSignIn(ask) {
  signIn = ask;
}

/**
 * Run `request`. If it fails with status 401, sign the person in and run it once more.
 *
 * @template T
 * @param {() => Promise<T>} request
 * @returns {Promise<T>}
 * @throws {ApiError}
 */
export async function withSignIn(request) {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    await signIn();
    return request();
  }
}

/**
 * Call the API, with a sign-in if it is needed. Resolves to the document of the response, or to
 * null if the response has none.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] is sent as JSON
 * @param {Record<string, string>} [headers] further headers of the request
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export const call = (method, path, body, headers) =>
  withSignIn(() => callOnce(method, path, body, headers));

/**
 * Call the API without a sign-in; else as `call`.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] is sent as JSON
 * @param {Record<string, string>} [others] further headers of the request
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function callOnce(method, path, body, others = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", ...others };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const json = body === undefined ? undefined : JSON.stringify(body);
  const response =
    (method === "GET" && (await takeEarly(path))) ||
    (await fetchFresh(path, { method, headers, body: json }));
  return parseResponse(response.status, await response.text());
}

/**
 * Send a request to the service, and return the response, which no cache answers.
 *
 * @param {string} path
 * @param {RequestInit} request
 * @returns {Promise<Response>}
 * @throws {ApiError} with status 0 if there is no response
 */
export async function fetchFresh(path, request) {
  try {
    return await fetch(atRoot(path), { ...request, cache: "no-store" });
  } catch {
    throw new ApiError(0, "The service is unreachable.");
  }
}

/**
 * GET a document of the API.
 *
 * @param {string} path
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export const get = (path) => call("GET", path);

/**
 * Return the error of a response. That of a bug names the request, so that its log line is found.
 *
 * @param {number} status
 * @param {import("../types.js").ProblemDocument | null} problem
 */
function errorOf(status, problem) {
  const detail = problem?.detail ?? `HTTP status ${status}`;
  const request = status === 500 && problem ? ` (request ${problem.request_id})` : "";
  return new ApiError(status, detail + request, problem?.errors, problem?.code);
}

/**
 * Parse the body of a response; null if it is empty.
 *
 * @param {number} status
 * @param {string} text
 * @returns {any}
 * @throws {ApiError} if the status is an error or the body is not JSON
 */
export function parseResponse(status, text) {
  let document;
  try {
    document = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(
      status,
      `The response (HTTP status ${status}) is not JSON. Is there a proxy in front of the service?`,
    );
  }
  if (status >= 400) throw errorOf(status, document);
  return document;
}

/**
 * Return a new Idempotency-Key. It does not use crypto.randomUUID, which exists on secure pages
 * only.
 *
 * @returns {string}
 */
export function newIdempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The queue of jobs that were submitted without one. */
export const DEFAULT_QUEUE = "default";

/**
 * Get all queues, sorted by name.
 *
 * @returns {Promise<import("../types.js").QueueDocument[]>}
 * @throws {ApiError}
 */
export const getQueues = async () => (await get("/queues")).items;

/**
 * Get all job types, and what does not work, as they are now.
 *
 * @returns {Promise<import("../types.js").JobTypesDocument>}
 * @throws {ApiError}
 */
export const getTypes = () => get("/types");

/** @type {Record<string, import("../types.js").TypeDocument> | undefined} */
let jobTypes;

/**
 * Get the job types by name. They never change while the service runs, so they are loaded once.
 *
 * @returns {Promise<Record<string, import("../types.js").TypeDocument>>}
 * @throws {ApiError}
 */
export async function getJobTypes() {
  jobTypes ??= /** @type {import("../types.js").IndexDocument} */ (await get("/")).job_types;
  return jobTypes;
}
