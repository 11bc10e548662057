// Sample lines of each pattern, folded away.

import { h } from "../lib/dom.js";
import { mostFrequentFirst, unitOf } from "./patternsPanel.js";

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").Sample} Sample */

const MOST = 50;

/**
 * The section of the samples; null if there are none.
 *
 * @param {Analysis} analysis
 * @returns {HTMLElement | null}
 */
export function samplesPanel({ counts, samples, counted }) {
  const shown = mostFrequentFirst(counts ?? {}, samples).filter(([, lines]) => lines.length);
  if (!shown.length) return null;
  return h(
    "section",
    { "data-key": "samples" },
    h("h2", {}, `Sample ${unitOf(counted)}s`),
    shown
      .slice(0, MOST)
      .map(([name, lines]) =>
        h(
          "details",
          { "data-key": name },
          h("summary", {}, `${name} (${lines.length})`),
          h("pre", { class: "text", tabindex: 0 }, lines.map(sampleText).join("\n")),
        ),
      ),
  );
}

/**
 * Return a sample as text: with its number, and the lines around it if there are some.
 *
 * @param {string | Sample} sample
 * @returns {string}
 */
export function sampleText(sample) {
  if (typeof sample === "string") return sample;
  const { line, text, before, after } = sample;
  const around = (/** @type {string[]} */ lines, /** @type {number} */ first) =>
    lines.map((each, at) => `${first + at}  ${each}`);
  return [
    ...around(before, line - before.length),
    `${line}: ${text}`,
    ...around(after, line + 1),
    ...(before.length || after.length ? [""] : []),
  ].join("\n");
}
