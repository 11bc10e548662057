// Sends a large file by several requests, and goes on where a broken connection has ended. The
// browser remembers the upload of a file, so it goes on after a reload of the page, too.

import { statusOf } from "../lib/errors.js";
import { forget, recall, remember } from "../lib/fileNotes.js";
import { beginUpload, deleteUpload, getOffset, sendPiece } from "./calls.js";
import { Retries, withRetries } from "./retries.js";

/** From this size on, the file of a job is sent as a resumable upload. */
export const LARGE_BYTES = 64 * 1024 ** 2;
const PIECE_BYTES = 64 * 1024 ** 2; // many proxies limit the size of a body

/** @type {Map<string, () => void>} the uploads that this page is sending, and what frees them */
const own = new Map();

/** The upload of one file. */
export class ResumableUpload {
  /**
   * @param {File} file
   * @param {string} id
   * @param {number} offset the bytes that the service has
   */
  constructor(file, id, offset) {
    this.file = file;
    this.id = id;
    this.offset = offset;
  }

  /**
   * Continue the upload that the browser remembers for this file, or begin one.
   *
   * @param {File} file
   * @returns {Promise<ResumableUpload>}
   * @throws {import("../shared/api.js").ApiError}
   */
  static async open(file) {
    const remembered = recall(file);
    if (remembered && (await occupy(remembered))) {
      const offset = await offsetOf(remembered, file).catch((error) => {
        free(remembered);
        throw error;
      });
      if (offset !== null) return new ResumableUpload(file, remembered, offset);
      free(remembered);
    }
    const { upload_id: id } = await beginUpload(file);
    remember(file, id);
    await occupy(id);
    return new ResumableUpload(file, id, 0);
  }

  /**
   * Send all that the service lacks. After a failure that may pass, it goes on by itself.
   *
   * @param {AbortSignal} signal
   * @param {(sent: number) => void} onProgress is called with the bytes that were sent so far
   * @param {import("./retries.js").OnWait} onWait
   * @returns {Promise<void>}
   * @throws {Error} what cannot be repeated: an ApiError, or FileChanged
   */
  async send(signal, onProgress, onWait) {
    const retries = new Retries();
    await withRetries(() => this.sendRest(signal, onProgress, retries), signal, onWait, retries);
  }

  /**
   * @param {AbortSignal} signal
   * @param {(sent: number) => void} onProgress
   * @param {Retries} retries are reset by bytes that have arrived
   */
  async sendRest(signal, onProgress, retries) {
    let { offset } = await getOffset(this.id);
    const { size } = this.file;
    for (;;) {
      if (offset > this.offset) retries.reset();
      this.offset = offset;
      onProgress(offset);
      if (offset >= size) return;
      const piece = this.file.slice(offset, Math.min(size, offset + PIECE_BYTES));
      const start = offset;
      try {
        const report = (/** @type {number} */ sent) => onProgress(start + sent);
        offset = await sendPiece(this.id, start, piece, report, signal);
      } catch (error) {
        if (statusOf(error) === 0 && !signal.aborted) await requireReadable(this.file);
        throw error;
      }
    }
  }

  /** Let another try continue the upload. */
  release() {
    free(this.id);
  }

  /**
   * Delete the upload. If that fails, it expires.
   *
   * @returns {Promise<void>}
   */
  async discard() {
    forget(this.file, this.id);
    this.release();
    await deleteUpload(this.id).catch(() => {});
  }
}

/**
 * Return how many bytes the service has of the upload of this file; null if it has no such upload.
 *
 * @param {string} id
 * @param {File} file
 */
async function offsetOf(id, file) {
  try {
    const { offset, size } = await getOffset(id);
    return size === file.size ? offset : null;
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 403) return null; // 403: of another caller
    throw error;
  }
}

/**
 * A browser fails a request with a file that has changed as if the connection was lost. Only an
 * attempt to read the file tells one from the other.
 *
 * @param {File} file
 */
async function requireReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Error("The file has changed, or cannot be read any more. Choose it again.");
  }
}

/**
 * Reserve an upload for one submission; false if another one is sending it, also in another tab
 * (browsers know that on secure pages only).
 *
 * @param {string} id
 * @returns {Promise<boolean>}
 */
async function occupy(id) {
  if (own.has(id)) return false;
  own.set(id, () => {});
  if (!navigator.locks) return true;
  return new Promise((resolve) => {
    navigator.locks.request(lockOf(id), { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      if (!lock) return void own.delete(id);
      return new Promise((unlock) => own.set(id, () => unlock(undefined)));
    });
  });
}

/** @param {string} id */
const lockOf = (id) => `job-service upload ${id}`;

/**
 * Return whether an upload is being sent now, by this page or in another tab.
 *
 * @param {string} id
 * @returns {Promise<boolean>}
 */
export async function isBeingSent(id) {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return own.has(id) || held.some(({ name }) => name === lockOf(id));
}

/** @param {string} id */
function free(id) {
  own.get(id)?.();
  own.delete(id);
}
