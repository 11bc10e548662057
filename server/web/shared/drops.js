// Files that are dropped anywhere on a page. A browser would open such a file, and leave the page.

import { h } from "../lib/dom.js";
import { droppedFiles } from "./droppedFiles.js";

/** @typedef {(files: File[]) => void} Taker */

/** @type {Taker | null} */
let taker = null;
/** @type {File[]} */
let waiting = [];

/**
 * Hand dropped files to this function while the current page is shown.
 *
 * @param {Taker | null} take null for a page that takes no files
 */
export function setTaker(take) {
  taker = take;
}

/**
 * Return the files that were dropped on another page, once.
 *
 * @returns {File[]}
 */
export function takeWaiting() {
  const files = waiting;
  waiting = [];
  return files;
}

/**
 * Take all files that are dropped. Where the current page takes none, they wait for the next page,
 * which `open` shows.
 *
 * @param {() => void} open
 */
export function acceptDrops(open) {
  const hint = h("div", { class: "drop-hint", hidden: true }, "Drop files to analyze them");
  document.body.append(hint);
  const listen = (/** @type {"dragover" | "dragleave" | "drop"} */ name) =>
    addEventListener(name, async (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      hint.hidden = name !== "dragover";
      if (name !== "drop") return;
      const files = await droppedFiles(event.dataTransfer);
      if (taker) return taker(files);
      waiting = files;
      open();
    });
  listen("dragover");
  listen("dragleave");
  listen("drop");
}
