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

/** Shows the page that takes files. */
let open = () => {};

/**
 * Hand files to the current page. Where it takes none, they wait for the page that does.
 *
 * @param {File[]} files
 */
export function analyzeFiles(files) {
  if (taker) return taker(files);
  waiting = files;
  open();
}

/**
 * Take all files that are dropped, as `analyzeFiles` does.
 *
 * @param {() => void} openTaker shows the page that takes files
 */
export function acceptDrops(openTaker) {
  open = openTaker;
  const hint = h("div", { class: "drop-hint", hidden: true }, "Drop files to analyze them");
  document.body.append(hint);
  const listen = (/** @type {"dragover" | "dragleave" | "drop"} */ name) =>
    addEventListener(name, async (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      hint.hidden = name !== "dragover";
      if (name !== "drop") return;
      analyzeFiles(await droppedFiles(event.dataTransfer));
    });
  listen("dragover");
  listen("dragleave");
  listen("drop");
}
