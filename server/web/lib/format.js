// Formats times, sizes and numbers for people.

const NUMBER = new Intl.NumberFormat("en");
const ROUGH = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
/** @type {Map<string, Intl.DateTimeFormat>} each takes milliseconds to create */
const FORMATS = new Map();
const BYTE_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/**
 * Format a number with all its digits in groups: "12,345".
 *
 * @param {number} value
 * @returns {string}
 */
export const number = (value) => NUMBER.format(value);

/**
 * Format a number with three significant digits: "12,300".
 *
 * @param {number} value
 * @returns {string}
 */
export const rough = (value) => ROUGH.format(value);

/**
 * Format a number of bytes: "1.5 MiB".
 *
 * @param {number} value
 * @returns {string}
 */
export function bytes(value) {
  if (value === 1) return "1 byte";
  let at = 0;
  while (value >= 1024 && at < BYTE_UNITS.length - 1) [value, at] = [value / 1024, at + 1];
  return `${at ? ROUGH.format(value) : NUMBER.format(value)} ${BYTE_UNITS[at]}`;
}

/**
 * Format seconds: "12 ms", "3.4 s", "2 min 5 s", "3 h 10 min" or "4 d 2 h".
 *
 * @param {number} seconds
 * @returns {string}
 */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 59.95) return `${ROUGH.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return twoUnits(whole, 60, "min", 1, "s");
  if (whole < 86400) return twoUnits(whole, 3600, "h", 60, "min");
  return twoUnits(whole, 86400, "d", 3600, "h");
}

/**
 * @param {number} seconds
 * @param {number} large
 * @param {string} largeName
 * @param {number} small
 * @param {string} smallName
 */
function twoUnits(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ""}`;
}

/**
 * Format a date in the reader's time zone.
 *
 * @param {Date} date
 * @param {"medium" | undefined} dateStyle undefined for the time alone
 */
function formatDate(date, dateStyle) {
  const key = dateStyle ?? "";
  // h23: with hour12, the first second after midnight would be 24:00:00.
  const options = /** @type {const} */ ({ dateStyle, timeStyle: "medium", hourCycle: "h23" });
  const format = FORMATS.get(key) ?? new Intl.DateTimeFormat("en", options);
  FORMATS.set(key, format);
  return format.format(date);
}

/**
 * Format a time of the API in the reader's time zone; a time of today without its date.
 *
 * @param {string} text RFC 3339
 * @returns {string}
 */
export function time(text) {
  const date = new Date(text);
  const isToday = date.toDateString() === new Date().toDateString();
  return formatDate(date, isToday ? undefined : "medium");
}

/**
 * Format a time of the API in the reader's time zone, always with its date.
 *
 * @param {string} text RFC 3339
 * @returns {string}
 */
export const fullTime = (text) => formatDate(new Date(text), "medium");

/**
 * Seconds from one time of the API to another, or to now if there is no other.
 *
 * @param {string} from RFC 3339
 * @param {string | null} [to] RFC 3339
 * @returns {number}
 */
export const secondsBetween = (from, to) =>
  ((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000;

/**
 * Shorten an id to its end. Ids made at about the same time start alike, so the end identifies
 * them.
 *
 * @param {string} id
 * @returns {string}
 */
export const shortId = (id) => `…${id.slice(-8)}`;

/**
 * Format a count with its noun: `plural(2, "job")` is "2 jobs".
 *
 * @param {number} count
 * @param {string} noun in the singular
 * @returns {string}
 */
export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
