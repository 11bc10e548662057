// The patterns of a job: as its payload has them, by their keys in the result, and as the query of
// lines takes them.

/** @typedef {import("../types.js").JobDocument} JobDocument */
/** @typedef {import("../types.js").Pattern} Pattern */

const MOST_OF_KEY = 200;

/** The values of the view by which no line is chosen for what it is. */
export const ALL_LINES = {
  match: null,
  regex: null,
  ignore_case: null,
  level: null,
  status: null,
  line: null,
};

/**
 * Return the patterns of a payload as objects; none if it has no list of patterns.
 *
 * @param {Record<string, unknown>} payload
 * @returns {Pattern[]}
 */
export function patternsOf({ patterns }) {
  if (!Array.isArray(patterns)) return [];
  return patterns.map((each) => (typeof each === "string" ? { pattern: each } : each));
}

/**
 * Return the key of a pattern in the result: its name, or else its text. That of a combination is
 * made of its texts.
 *
 * @param {Pattern} pattern
 * @returns {string}
 */
export function keyOf({ name, pattern, all, any, none }) {
  if (name || pattern) return name || (pattern ?? "");
  const [needed, oneOf, excluded] = [all, any, none].map((list) => (list ?? []).map(textOf));
  const joined = [...needed, ...(oneOf.length ? [oneOf.join(" OR ")] : [])].join(" AND ");
  const key = [joined, ...excluded.map((text) => ` NOT ${text}`)].join("");
  return Array.from(key).slice(0, MOST_OF_KEY).join("");
}

/** @param {string | Pattern} condition */
const textOf = (condition) =>
  typeof condition === "string" ? condition : (condition.pattern ?? "");

/**
 * Return the payload that asks the same with other patterns.
 *
 * @param {JobDocument} job
 * @param {Pattern[]} patterns
 * @returns {Record<string, unknown>}
 */
export function payloadWith(job, patterns) {
  const { patterns: before, ...rest } = job.payload;
  const shown = patterns.map((each) => (isPlain(each) ? each.pattern : each));
  // The time axis of an overview has patterns only if the job is asked for them.
  const histogram = (rest.histogram ?? "none") === "none" ? "auto" : rest.histogram;
  const hadOverview = rest.overview ?? !Array.isArray(before);
  return {
    ...rest,
    ...(shown.length ? { patterns: shown } : {}),
    ...(shown.length && hadOverview ? { overview: true, histogram } : {}),
  };
}

/** Whether a pattern is a text without options. @param {Pattern} pattern */
const isPlain = ({ pattern, ...options }) =>
  Boolean(pattern) && !Object.values(options).some(Boolean);

/**
 * Return the values of the view that show the lines of a pattern; null for a combination, which is
 * no single text.
 *
 * @param {Pattern} pattern
 * @returns {Record<"match" | "regex" | "ignore_case", string | null> | null}
 */
export function linesOf({ pattern, regex, ignore_case: ignoreCase, word }) {
  if (!pattern) return null;
  const isRegex = Boolean(regex || word);
  const text = regex ? pattern : quote(pattern);
  return {
    match: isRegex ? null : pattern,
    regex: isRegex ? (word ? `\\b(?:${text})\\b` : text) : null,
    ignore_case: ignoreCase ? "true" : null,
  };
}

/**
 * Return the regex that matches the lines of a template, as in "Accepted <*> for <*>". A class of
 * statuses, as in "5xx", stands for its numbers. Spaces may have been anything.
 *
 * @param {string} template
 * @returns {string}
 */
export const templateRegex = (template) =>
  template
    .split("<*>")
    .map((text) =>
      quote(text)
        .replaceAll(/\s+/g, "\\s*")
        .replaceAll(/\b([1-5])xx\b/g, "$1\\d\\d"),
    )
    .join(".*?");

/**
 * Quote a text for a regex.
 *
 * @param {string} text
 */
const quote = (text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
