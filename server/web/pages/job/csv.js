// Reads the start of a CSV file (RFC 4180), for a preview.

/**
 * Return the first rows of a CSV text. Quoted fields may contain separators and line ends.
 *
 * @param {string} text
 * @param {string} separator
 * @param {number} maxRows
 * @param {number} maxCells of a row
 * @returns {string[][]}
 */
export function parseCsv(text, separator, maxRows, maxCells) {
  /** @type {string[][]} */
  const rows = [];
  let cells = [""];
  let isQuoted = false;
  for (let at = 0; at < text.length && rows.length < maxRows; at++) {
    const character = text[at];
    const last = cells.length - 1;
    if (isQuoted) {
      if (character !== '"') cells[last] += character;
      else if (text[at + 1] === '"') cells[last] += text[at++];
      else isQuoted = false;
    } else if (character === '"' && cells[last] === "") isQuoted = true;
    else if (character === separator) cells.push("");
    else if (character === "\n") {
      rows.push(cells.slice(0, maxCells));
      cells = [""];
    } else if (character !== "\r") cells[last] += character;
  }
  if (rows.length < maxRows && (cells.length > 1 || cells[0])) rows.push(cells.slice(0, maxCells));
  return rows;
}

/**
 * Return the separator of a CSV text: the one that is most frequent in its first line.
 *
 * @param {string} text
 * @returns {string}
 */
export function separatorOf(text) {
  const line = text.slice(0, 4096).split("\n", 1)[0];
  const count = (/** @type {string} */ separator) => line.split(separator).length;
  return [",", ";", "\t"].reduce((best, each) => (count(each) > count(best) ? each : best));
}
