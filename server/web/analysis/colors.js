// The colors of charts. Each has a contrast of at least 3 to 1 to the light and the dark ground.

import { h } from "../lib/dom.js";

const PALETTE = [
  "#2f6fde",
  "#d1570b",
  "#2b8a3e",
  "#a63fbf",
  "#b07900",
  "#0c8599",
  "#d6336c",
  "#7a6a2c",
  "#5c6fe0",
  "#6b7683",
];
/** @type {Record<string, string>} by level or class of statuses */
const KNOWN = {
  FATAL: "#8f2d56",
  CRITICAL: "#8f2d56",
  ERROR: "#d9342b",
  WARN: "#b07900",
  WARNING: "#b07900",
  INFO: "#2f6fde",
  DEBUG: "#6b7683",
  TRACE: "#7d8590",
  "5xx": "#d9342b",
  "4xx": "#b07900",
  "3xx": "#2f6fde",
  "2xx": "#2b8a3e",
  "1xx": "#6b7683",
};

/** The color of all lines together. */
export const TOTAL_COLOR = "#7d8590";

/**
 * Return the color of the series at this place: one that the reader has chosen, one that its name
 * has everywhere, or the next one of the palette.
 *
 * @param {string} name
 * @param {number} at
 * @param {Map<string, string>} chosen by name
 * @returns {string}
 */
export const colorOf = (name, at, chosen) =>
  chosen.get(name) ?? KNOWN[name] ?? PALETTE[at % PALETTE.length];

/**
 * Create the mark of a color in a legend.
 *
 * @param {string} color
 * @returns {HTMLElement}
 */
export const swatch = (color) => h("i", { class: "swatch", style: { background: color } });
