// The filter `since` of lists: a span such as 24h in addresses and forms, and a time in the API.

import { selectField } from "./filterFields.js";

/** @type {Record<string, number>} the choices in ms */
const SPANS = { "1h": 3600e3, "24h": 86400e3, "7d": 7 * 86400e3 };
/** @type {[value: string, text: string][]} */
const CHOICES = [
  ["", "any time"],
  ["1h", "the last hour"],
  ["24h", "the last 24 hours"],
  ["7d", "the last 7 days"],
];

/**
 * Return whether a text is one of the spans.
 *
 * @param {string} text
 * @returns {boolean}
 */
export const isSpan = (text) => Object.hasOwn(SPANS, text);

/**
 * Return the filters as the API takes them: the span as a time.
 *
 * @template {{ since?: string }} Filters
 * @param {Filters} filters
 * @param {number} now in ms
 * @returns {Filters}
 */
export function queryFilters(filters, now) {
  if (!filters.since) return filters;
  return { ...filters, since: new Date(now - SPANS[filters.since]).toISOString() };
}

/**
 * A field to choose a span.
 *
 * @param {string} label
 * @param {string} [chosen]
 * @returns {HTMLElement}
 */
export const sinceField = (label, chosen = "") => selectField(label, "since", CHOICES, chosen);
