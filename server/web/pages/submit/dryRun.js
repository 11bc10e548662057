// Checks a submission without storing it, and shows when the job would start.

import { h, replaceChildren } from "../../lib/dom.js";
import { atRoot } from "../../lib/root.js";
import { call, parseResponse, withSignIn } from "../../shared/api.js";
import { lines } from "../../shared/estimates.js";
import { beginUpload, deleteUpload } from "../../uploads/calls.js";
import { isLarge } from "./largeSubmission.js";
import { formOf } from "./submission.js";

/** @typedef {import("../../types.js").JobRequest} JobRequest */

/**
 * Check a submission, and show its estimates.
 *
 * @param {HTMLElement} place
 * @param {JobRequest} request
 * @param {File[]} files are sent, but not kept; of a large file, only the size is checked
 * @returns {Promise<void>}
 * @throws {import("../../shared/api.js").ApiError} if it would be refused
 */
export async function showDryRun(place, request, files) {
  const { dry_run: found } = isLarge(files)
    ? await checkLarge(request, files[0])
    : await withSignIn(() => post(request, files));
  replaceChildren(
    place,
    h(
      "div",
      { class: "notice", role: "status" },
      h("p", {}, "The job would be accepted. Nothing was submitted."),
      h("ul", {}, lines(found)),
    ),
  );
}

/**
 * @param {JobRequest} request
 * @param {File[]} files
 */
async function post(request, files) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (!files.length) headers["Content-Type"] = "application/json";
  const body = files.length ? formOf(request, files) : JSON.stringify(request);
  const url = atRoot("/jobs?dry_run=true");
  const response = await fetch(url, { method: "POST", headers, body });
  return parseResponse(response.status, await response.text());
}

/**
 * @param {JobRequest} request
 * @param {File} file
 */
async function checkLarge(request, file) {
  const { upload_id: id } = await beginUpload(file);
  try {
    return await call("POST", "/jobs?dry_run=true", { ...request, upload: { id } });
  } finally {
    deleteUpload(id).catch(() => {});
  }
}
