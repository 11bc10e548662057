// Metadata as text of a form: a line for each field, such as `order=7`.

/**
 * Return the object that a text describes. A value is JSON if it can be read as such, and a text
 * otherwise. Empty lines are left out.
 *
 * @param {string} text
 * @returns {Record<string, unknown>}
 * @throws {Error} if a line has no name and no equals sign
 */
export function metadataIn(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  return Object.fromEntries(lines.map(pairIn));
}

/**
 * Return the text that describes an object.
 *
 * @param {Record<string, unknown>} metadata
 * @returns {string}
 */
export const metadataText = (metadata) =>
  Object.entries(metadata)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join("\n");

/**
 * @param {string} line
 * @returns {[string, unknown]}
 */
function pairIn(line) {
  const at = line.indexOf("=");
  const name = line.slice(0, at).trim();
  if (at < 0 || !name) throw new Error(`"${line.trim()}" is not name=value, such as order=7`);
  return [name, valueIn(line.slice(at + 1).trim())];
}

/** @param {string} text */
function valueIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {unknown} value */
const valueText = (value) =>
  typeof value === "string" && /^(\S(.*\S)?)?$/.test(value) && valueIn(value) === value
    ? value
    : JSON.stringify(value);
