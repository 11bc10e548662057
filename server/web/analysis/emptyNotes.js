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
  const { overview, timeline, counts, lines } = result;
  const wantsOverview = payload.overview ?? !Array.isArray(payload.patterns);
  const isEmpty = lines === 0 || (result.bytes ?? 1) === 0;
  const texts = [
    isEmpty && "The file has no lines.",
    !isEmpty &&
      wantsOverview &&
      !overview &&
      "A worker of an older release has analyzed the file: there are no kinds of lines and no levels. Analyze it again once all workers are updated.",
    !isEmpty && overview && !overview.templates?.length && "No kinds of lines were found.",
    !isEmpty &&
      (timeline || overview) &&
      !timelineOf(result) &&
      "No line has a time that can be read, so there is no chart over time. Lines can be searched below.",
    !isEmpty &&
      Object.keys(counts ?? {}).length > 0 &&
      Object.values(counts ?? {}).every((count) => count === 0) &&
      "None of the patterns occurs.",
  ];
  return texts
    .filter((text) => typeof text === "string")
    .map((text) => h("p", { class: "state-note" }, text));
}
