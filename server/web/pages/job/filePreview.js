// Previews of stored files: images, the start of texts, and of CSV files as tables. No content of a
// file becomes HTML.

import { h, tableHead } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { atRoot } from "../../lib/root.js";
import { fetchFresh, parseResponse, withSignIn } from "../../shared/api.js";
import { parseCsv, separatorOf } from "./csv.js";
import { IMAGE, TEXT } from "./fileKinds.js";

/** @typedef {{name: string, size: number, path: string, type: string | null}} ShownFile */

const START_BYTES = 64 * 1024;
const MAX_IMAGE_BYTES = 20 * 1024 ** 2;
const MAX_ROWS = 100;
const MAX_CELLS = 30;

/**
 * Load the preview of a file.
 *
 * @param {ShownFile} file
 * @returns {Promise<import("../../lib/dom.js").Child[]>}
 * @throws {import("../../shared/api.js").ApiError}
 */
export async function previewOf(file) {
  if (file.size === 0) return [h("p", { class: "quiet" }, "The file is empty.")];
  if (file.type !== null && IMAGE.test(file.type)) return [image(file)];
  const { type, text } = await startOf(file);
  if (IMAGE.test(type)) return [image(file)];
  if (!TEXT.test(type) || text.includes("\0")) {
    return [h("p", { class: "quiet" }, `There is no preview of ${type}.`)];
  }
  const isCut = file.size > START_BYTES;
  const isTable = type === "text/csv" || type === "text/tab-separated-values";
  const note = isCut && `The first ${format.bytes(START_BYTES)} of ${format.bytes(file.size)}.`;
  return [
    isTable
      ? table(file.name, isCut ? text.slice(0, text.lastIndexOf("\n") + 1) : text)
      : pre(file.name, text),
    note && h("p", { class: "quiet" }, note),
  ];
}

/** @param {ShownFile} file */
function image({ name, size, path }) {
  if (size > MAX_IMAGE_BYTES) {
    return h("p", { class: "quiet" }, `An image of ${format.bytes(size)} is not shown.`);
  }
  const shown = h("img", { src: atRoot(path), alt: name, class: "preview" });
  shown.addEventListener("error", () =>
    shown.replaceWith(h("p", { class: "quiet" }, "The image cannot be shown.")),
  );
  return shown;
}

/**
 * @param {string} name
 * @param {string} text
 */
const pre = (name, text) =>
  h("pre", { class: "text", tabindex: 0, "aria-label": `Preview of ${name}` }, text);

/**
 * @param {string} name
 * @param {string} text
 */
function table(name, text) {
  const [head = [], ...rows] = parseCsv(text, separatorOf(text), MAX_ROWS + 1, MAX_CELLS);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `Preview of ${name}` },
    h(
      "table",
      {},
      tableHead(head),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

/**
 * Load the start of a file as text; bytes that are not UTF-8 become replacement characters.
 *
 * @param {ShownFile} file
 * @returns {Promise<{type: string, text: string}>}
 */
function startOf({ path }) {
  return withSignIn(async () => {
    const headers = { Range: `bytes=0-${START_BYTES - 1}` };
    const response = await fetchFresh(path, { headers });
    if (!response.ok) parseResponse(response.status, await response.text());
    const type = (response.headers.get("Content-Type") ?? "").split(";", 1)[0];
    return { type, text: new TextDecoder().decode(await firstBytes(response)) };
  });
}

/**
 * Read the first bytes of a response, also if something on the way has ignored Range.
 *
 * @param {Response} response
 */
async function firstBytes(response) {
  const reader = response.body?.getReader();
  const found = new Uint8Array(START_BYTES);
  let size = 0;
  while (reader && size < START_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    found.set(value.subarray(0, START_BYTES - size), size);
    size += Math.min(value.length, START_BYTES - size);
  }
  await reader?.cancel();
  return found.subarray(0, size);
}
