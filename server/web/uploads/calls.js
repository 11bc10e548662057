// Calls of /uploads, by the protocol tus 1.0.

import { atRoot } from "../lib/root.js";
import { ApiError, call, fetchFresh, parseResponse, withSignIn } from "../shared/api.js";

/** @typedef {import("../types.js").UploadStateDocument} UploadStateDocument */

const TUS = { "Tus-Resumable": "1.0.0" };
const STALL_MS = 60_000;

/**
 * Begin an upload.
 *
 * @param {Pick<File, "name" | "size">} file
 * @returns {Promise<UploadStateDocument>}
 * @throws {ApiError}
 */
export const beginUpload = ({ name, size }) =>
  call("POST", "/uploads", undefined, {
    ...TUS,
    "Upload-Length": String(size),
    "Upload-Metadata": `filename ${base64(name)}`,
  });

/**
 * Delete an upload. Jobs keep their files.
 *
 * @param {string} id
 * @returns {Promise<void>}
 * @throws {ApiError}
 */
export const deleteUpload = (id) => call("DELETE", `/uploads/${id}`, undefined, TUS);

/**
 * Return how many bytes of an upload the service has, and how many it shall get. This ends the
 * request that still writes to the upload.
 *
 * @param {string} id
 * @returns {Promise<{ offset: number, size: number }>}
 * @throws {ApiError}
 */
export const getOffset = (id) =>
  withSignIn(async () => {
    const response = await fetchFresh(`/uploads/${id}`, { method: "HEAD", headers: TUS });
    parseResponse(response.status, "");
    const number = (/** @type {string} */ name) => Number(response.headers.get(name) ?? NaN);
    return { offset: number("Upload-Offset"), size: number("Upload-Length") };
  });

/**
 * Send bytes of an upload. Resolves to the number of bytes that the service then has. It uses
 * XMLHttpRequest, because fetch does not report how much of a body was sent. A connection that
 * takes no bytes for a minute counts as lost.
 *
 * @param {string} id
 * @param {number} offset of the first byte
 * @param {Blob} bytes
 * @param {(sent: number) => void} onProgress is called with the bytes that were sent so far
 * @param {AbortSignal} signal
 * @returns {Promise<number>}
 * @throws {ApiError}
 */
export const sendPiece = (id, offset, bytes, onProgress, signal) =>
  withSignIn(
    () =>
      new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest();
        const stop = () => xhr.abort();
        let timer = setTimeout(stop, STALL_MS);
        signal.addEventListener("abort", stop);
        xhr.upload.onprogress = ({ loaded }) => {
          clearTimeout(timer);
          timer = setTimeout(stop, STALL_MS);
          onProgress(loaded);
        };
        xhr.onload = () => {
          try {
            parseResponse(xhr.status, xhr.responseText);
            resolve(Number(xhr.getResponseHeader("Upload-Offset") ?? NaN));
          } catch (error) {
            reject(error);
          }
        };
        xhr.onerror = xhr.onabort = () => reject(new ApiError(0, "The connection was lost."));
        xhr.onloadend = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", stop);
        };
        xhr.open("PATCH", atRoot(`/uploads/${id}`));
        xhr.setRequestHeader("Tus-Resumable", TUS["Tus-Resumable"]);
        xhr.setRequestHeader("Accept", "application/json");
        xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
        xhr.setRequestHeader("Upload-Offset", String(offset));
        xhr.send(bytes);
      }),
  );

/**
 * Encode a text as Base64 of its UTF-8.
 *
 * @param {string} text
 * @returns {string}
 */
export const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
