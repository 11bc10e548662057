// What the page of an analysis says where there is nothing to show.

import { h } from "../lib/dom.js";
import { timelineOf } from "./timeline.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").JobDocument} JobDocument */

/**
 * Say what a complete result does not have, and why.
 *
 * @param {JobDocument} job
 * @param {Analysis} result
 * @returns {HTMLElement[]}
 */
export function emptyNotes({ payload }, result) {
  const { overview, timeline, counts, lines, bytes } = result;
  if (lines === 0 || bytes === 0) return [note("The file has no lines.")];
  const wantsOverview = payload.overview ?? !Array.isArray(payload.patterns);
  const found = Object.values(counts ?? {});
  const texts = [
    wantsOverview &&
      !overview &&
      "A worker of an older release has analyzed the file: there are no kinds of lines and no levels. Analyze it again once all workers are updated.",
    overview && !overview.templates?.length && "No kinds of lines were found.",
    (timeline || overview) &&
      !timelineOf(result) &&
      "No line has a time that can be read, so there is no chart over time. Lines can be searched below.",
    found.length > 0 && found.every((count) => count === 0) && "None of the patterns occurs.",
  ];
  return texts.filter((text) => typeof text === "string").map(note);
}

/** @param {string} text */
const note = (text) => h("p", { class: "state-note" }, text);
