// The fields that the document of a job leaves out because they were not set.

import { DEFAULT_QUEUE } from "./api.js";

/** What a job has if its document does not say; null for all other fields. */
export const UNSET = {
  retry_count: 0,
  max_retries: 1,
  loss_count: 0,
  max_losses: 10,
  priority: 0,
  queue: DEFAULT_QUEUE,
  tags: /** @type {string[]} */ ([]),
  after: /** @type {string[]} */ ([]),
};

/**
 * Whether a field was set: it is neither absent nor null.
 *
 * @template T
 * @param {T} value
 * @returns {value is NonNullable<T>}
 */
export const isSet = (value) => value !== null && value !== undefined;
