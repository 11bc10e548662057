// The submission of one job, with a progress bar for its file. It uses XMLHttpRequest, because
// fetch does not report how much of a body was sent.

import { h, replaceChildren } from "../../lib/dom.js";
import { fieldErrorsOf, messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { atRoot } from "../../lib/root.js";
import { ApiError, newIdempotencyKey, parseResponse, withSignIn } from "../../shared/api.js";
import { jobHref } from "../../shared/links.js";

/** @typedef {import("../../types.js").AcceptedDocument} AcceptedDocument */
/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../../types.js").JobRequest} JobRequest */

const TEXT_FIELDS = ["type", "queue"]; // all other fields of a form are JSON

/**
 * A submission as an item of a list. Every attempt to send it has the same Idempotency-Key, so it
 * creates at most one job.
 */
export class Submission {
  /**
   * @param {JobRequest} request
   * @param {File[]} files several become one archive; a job without a file has none
   * @param {(errors: FieldDocument[]) => void} onErrors called with the errors of a refused
   *   submission
   */
  constructor(request, files, onErrors) {
    this.request = request;
    this.files = files;
    this.onErrors = onErrors;
    this.key = newIdempotencyKey();
    this.name = files.length ? files[0].name : request.type;
    if (files.length > 1) this.name += ` and ${format.number(files.length - 1)} more`;
    this.startedAt = 0;
    this.bar = h("progress", { max: 1, "aria-label": `Upload of ${this.name}` });
    this.note = h("span", { class: "quiet" });
    this.element = h("li", { class: "submission" }, h("span", { class: "name" }, this.name));
  }

  /**
   * Send it.
   *
   * @returns {Promise<string | null>} the id of the job; null if it was refused or stopped
   */
  async send() {
    try {
      this.startedAt = performance.now();
      const { job_id: id } = await withSignIn(() => this.post());
      this.show(h("a", { href: jobHref(id) }, "Job ", h("code", {}, format.shortId(id))));
      return id;
    } catch (error) {
      this.showFailure(error);
      return null;
    }
  }

  /** @returns {Promise<AcceptedDocument>} */
  post() {
    const xhr = new XMLHttpRequest();
    this.showStart("Stop", () => xhr.abort());
    return new Promise((resolve, reject) => {
      xhr.upload.onprogress = (event) => this.showProgress(event);
      xhr.onload = () => {
        try {
          resolve(parseResponse(xhr.status, xhr.responseText));
        } catch (error) {
          reject(error);
        }
      };
      xhr.onerror = () => reject(new ApiError(0, "The connection was lost."));
      xhr.onabort = () => reject(new ApiError(0, "Stopped. No job was created."));
      xhr.open("POST", atRoot("/jobs"));
      xhr.setRequestHeader("Accept", "application/json");
      xhr.setRequestHeader("Idempotency-Key", this.key);
      if (!this.files.length) xhr.setRequestHeader("Content-Type", "application/json");
      const { request, files } = this;
      xhr.send(files.length ? formOf(request, files) : JSON.stringify(request));
    });
  }

  /**
   * Show a bar without progress, and a button that ends the submission.
   *
   * @param {string} label of the button
   * @param {() => unknown} onclick
   */
  showStart(label, onclick) {
    this.bar.removeAttribute("value");
    replaceChildren(this.note);
    this.show(this.bar, this.note, h("button", { type: "button", onclick }, label));
  }

  /** @param {{ loaded: number, total: number }} progress */
  showProgress({ loaded, total }) {
    this.bar.value = total ? loaded / total : 0;
    const rate = loaded / Math.max(0.001, (performance.now() - this.startedAt) / 1000);
    replaceChildren(
      this.note,
      loaded < total
        ? `${format.bytes(loaded)} of ${format.bytes(total)} · ${format.bytes(Math.round(rate))}/s`
        : "uploaded, being stored…",
    );
  }

  /**
   * Show why it failed. A submission with a wrong field cannot be sent again: it would be refused
   * again.
   *
   * @param {unknown} error
   */
  showFailure(error) {
    const errors = fieldErrorsOf(error);
    const again = h("button", { type: "button", onclick: () => this.send() }, "Send again");
    const ofFile = errors.filter(({ field }) => this.files.length && field === "filename");
    const text =
      ofFile.map(({ detail }) => detail).join("; ") || "Not submitted: the form says why.";
    const reason = errors.length ? text : messageOf(error);
    this.show(h("span", { class: "error-text" }, reason), errors.length === 0 && again);
    this.onErrors(errors);
  }

  /** @param {...import("../../lib/dom.js").Child} children */
  show(...children) {
    replaceChildren(this.element, h("span", { class: "name" }, this.name), children);
  }
}

/**
 * Return the form of a job with files. They come last, so that the service can refuse a wrong field
 * before it has read a file.
 *
 * @param {JobRequest} request
 * @param {File[]} files
 * @returns {FormData}
 */
export function formOf(request, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(request)) {
    form.append(name, TEXT_FIELDS.includes(name) ? String(value) : JSON.stringify(value));
  }
  const part = files.length > 1 ? "files" : "filename";
  for (const file of files) form.append(part, file, file.name);
  return form;
}
