// Repeats what failed because the connection broke or the service cannot answer at the moment.

import { statusOf } from "../lib/errors.js";
import { ApiError } from "../shared/api.js";

const STATUSES = [0, 408, 423, 429, 502, 503, 504]; // 0: there was no response
const CODES = ["key_in_progress", "offset_conflict", "upload_not_ready"];
const HOPELESS = ["store_damaged"]; // only the operator can help
const FIRST_MS = 200;
const MAX_MS = 5000;
const GIVE_UP_MS = 15 * 60 * 1000;

/** @typedef {(error: unknown, ms: number) => void} OnWait called before a pause */

/**
 * Return whether a request may succeed when it is sent again a little later.
 *
 * @param {unknown} error
 * @returns {boolean}
 */
export function isWorthRepeating(error) {
  if (!(error instanceof ApiError) || HOPELESS.includes(error.code)) return false;
  return STATUSES.includes(statusOf(error) ?? -1) || CODES.includes(error.code);
}

/** The failures in a row. Each pause is twice as long as the one before, up to 5 s. */
export class Retries {
  constructor() {
    this.failures = 0;
    this.firstAt = 0;
  }

  /** There was success: the next failure is a first one again. */
  reset() {
    this.failures = 0;
  }

  /**
   * Return how long to pause before the next try.
   *
   * @param {unknown} error
   * @param {number} now in milliseconds
   * @returns {number} milliseconds
   * @throws the error, if another try is of no use, or if there was no success for 15 minutes
   */
  pause(error, now = performance.now()) {
    if (!this.failures) this.firstAt = now;
    if (!isWorthRepeating(error) || now - this.firstAt > GIVE_UP_MS) throw error;
    const ms = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.failures, 10));
    this.failures += 1;
    return ms * (0.5 + 0.5 * Math.random()); // many pages shall not come at once
  }
}

/**
 * Run `work` until it succeeds, or fails for good.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {AbortSignal} signal ends it
 * @param {OnWait} onWait
 * @param {Retries} [retries]
 * @returns {Promise<T>}
 */
export async function withRetries(work, signal, onWait, retries = new Retries()) {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const ms = retries.pause(error);
      onWait(error, ms);
      await sleep(ms, signal);
    }
  }
}

/**
 * Wait, at most until the browser has a network again.
 *
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      globalThis.removeEventListener?.("online", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
    globalThis.addEventListener?.("online", wake);
  });
}
