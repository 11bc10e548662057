// The submission of one job with a large file: the file is sent first, as a resumable upload.

import { confirm } from "../../lib/dialog.js";
import { h, replaceChildren } from "../../lib/dom.js";
import { fieldErrorsOf, messageOf, statusOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { ApiError, call } from "../../shared/api.js";
import { LARGE_BYTES, ResumableUpload } from "../../uploads/resumableUpload.js";
import { withRetries } from "../../uploads/retries.js";
import { TransferRate } from "../../uploads/transferRate.js";
import { Submission } from "./submission.js";

/** @typedef {import("../../types.js").AcceptedDocument} AcceptedDocument */
/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../../types.js").JobRequest} JobRequest */

/**
 * Return the submission of one job. Several files of one job are sent as a form, of any size.
 *
 * @param {JobRequest} request
 * @param {File[]} files
 * @param {(errors: FieldDocument[]) => void} onErrors
 * @returns {Submission}
 */
export const submissionOf = (request, files, onErrors) =>
  isLarge(files)
    ? new LargeSubmission(request, files, onErrors)
    : new Submission(request, files, onErrors);

/**
 * Return whether the files of a job are sent as a resumable upload.
 *
 * @param {File[]} files
 * @returns {boolean}
 */
export const isLarge = (files) => files.length === 1 && files[0].size >= LARGE_BYTES;

/** A submission that goes on after a broken connection and a reload of the page. */
class LargeSubmission extends Submission {
  /**
   * @param {JobRequest} request
   * @param {File[]} files one
   * @param {(errors: FieldDocument[]) => void} onErrors
   */
  constructor(request, files, onErrors) {
    super(request, files, onErrors);
    this.rate = new TransferRate();
    /** @type {ResumableUpload | null} the one of the last try */
    this.upload = null;
  }

  /**
   * @override
   * @returns {Promise<AcceptedDocument>}
   */
  async post() {
    const stop = new AbortController();
    this.rate.reset();
    this.showStart("Cancel", () => this.askToCancel(stop));
    const upload = (this.upload = await openUpload(this.files[0]));
    if (!upload) return super.post();
    try {
      return await this.sendAndSubmit(upload, stop.signal);
    } catch (error) {
      upload.release();
      if (stop.signal.aborted || isLost(error)) await this.discard();
      if (stop.signal.aborted)
        throw new ApiError(0, "Canceled. The upload was deleted, and no job was created.");
      throw isLost(error) ? new ApiError(0, "The upload has expired or was deleted.") : error;
    }
  }

  /**
   * @param {ResumableUpload} upload
   * @param {AbortSignal} signal
   * @returns {Promise<AcceptedDocument>}
   */
  async sendAndSubmit(upload, signal) {
    const request = { ...this.request, upload: { id: upload.id } };
    const onWait = (/** @type {unknown} */ error, /** @type {number} */ ms) =>
      this.showPause(error, ms);
    await this.check(request, upload, signal, onWait);
    await upload.send(signal, (sent) => this.showSent(sent), onWait);
    replaceChildren(this.note, "uploaded, being checked…");
    const headers = { "Idempotency-Key": this.key };
    const submit = () => call("POST", "/jobs", request, headers);
    const accepted = await withRetries(submit, signal, onWait);
    await this.discard();
    return accepted;
  }

  /**
   * Have the service check all fields before the file is sent.
   *
   * @param {JobRequest} request
   * @param {ResumableUpload} upload
   * @param {AbortSignal} signal
   * @param {import("../../uploads/retries.js").OnWait} onWait
   */
  async check(request, upload, signal, onWait) {
    try {
      await withRetries(() => call("POST", "/jobs?dry_run=true", request), signal, onWait);
    } catch (error) {
      if (upload.offset === 0 && fieldErrorsOf(error).length) await this.discard();
      throw error;
    }
  }

  /** @param {number} sent */
  showSent(sent) {
    const total = this.files[0].size;
    this.rate.add(sent);
    this.bar.value = sent / total;
    replaceChildren(this.note, describeSent(sent, total, this.rate.perSecond()));
  }

  /**
   * @param {unknown} error
   * @param {number} ms
   */
  showPause(error, ms) {
    this.rate.reset();
    const wait = ms < 1000 ? "now" : `in ${format.duration(Math.round(ms / 1000))}`;
    replaceChildren(this.note, `${messageOf(error)} It goes on ${wait}…`);
  }

  /** @param {AbortController} stop */
  async askToCancel(stop) {
    const text = `The part of ${this.name} that was sent is deleted, and no job is created.`;
    if (await confirm("Cancel the upload?", text, "Delete the upload", { danger: true }))
      stop.abort();
  }

  /** Delete the upload: the job has a file of its own. */
  async discard() {
    const upload = this.upload;
    this.upload = null;
    await upload?.discard();
  }

  /**
   * @override
   * @param {unknown} error
   */
  showFailure(error) {
    super.showFailure(error);
    if (!this.upload) return;
    const remove = async () => {
      await this.discard();
      this.show(h("span", { class: "quiet" }, "The upload was deleted."));
    };
    this.element.append(h("button", { type: "button", onclick: remove }, "Delete the upload"));
  }
}

/**
 * Describe how far an upload is: "3 GiB of 10 GiB (30 %) · 100 MiB/s · 1 min 12 s left".
 *
 * @param {number} sent
 * @param {number} total
 * @param {number | null} rate bytes per second; null if it is not known
 * @returns {string}
 */
export function describeSent(sent, total, rate) {
  const parts = [
    `${format.bytes(sent)} of ${format.bytes(total)} (${Math.floor((100 * sent) / total)} %)`,
  ];
  if (rate !== null) parts.push(`${format.bytes(Math.round(rate))}/s`);
  if (rate) parts.push(`${format.duration(Math.ceil((total - sent) / rate))} left`);
  return parts.join(" · ");
}

/**
 * Open the upload of a file; null if the request has come to a listener of an earlier release.
 *
 * @param {File} file
 */
async function openUpload(file) {
  try {
    return await ResumableUpload.open(file);
  } catch (error) {
    if ([404, 405].includes(statusOf(error) ?? -1)) return null;
    throw error;
  }
}

/**
 * Whether the upload does not exist any more, so that the next try has to begin another.
 *
 * @param {unknown} error
 */
const isLost = (error) =>
  statusOf(error) === 404 || fieldErrorsOf(error).some(({ field }) => field === "upload.id");
