// Times of a file in UTC or in the reader's time zone. Seconds count from 1970, in UTC.

/** @typedef {"utc" | "local"} Zone */

/** What readers call each zone. */
export const ZONES = { utc: "UTC", local: "local time" };
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAY = 86400;

/**
 * Return a Date whose fields in UTC are those of a time in the zone.
 *
 * @param {number} seconds
 * @param {Zone} zone
 * @returns {Date}
 */
export function shifted(seconds, zone) {
  const date = new Date(seconds * 1000);
  const minutes = zone === "utc" ? 0 : date.getTimezoneOffset();
  return new Date(date.getTime() - minutes * 60000);
}

/**
 * Format a time with its date, and with fractions of a second if it has some, as in
 * "2026-01-31 13:05:00".
 *
 * @param {number} seconds
 * @param {Zone} zone
 * @returns {string}
 */
export const stamp = (seconds, zone) =>
  shifted(seconds, zone)
    .toISOString()
    .replace("T", " ")
    .replace(/(\.000)?Z$/, "");

/**
 * Format a time without the end that its unit does not need: "2026-01-31 13:05" for minutes.
 *
 * @param {number} seconds
 * @param {number} unit the length of the interval that starts then, in seconds
 * @param {Zone} zone
 * @returns {string}
 */
export function stampOf(seconds, unit, zone) {
  const text = stamp(seconds, zone);
  if (unit % DAY === 0 && text.endsWith("00:00:00")) return text.slice(0, 10);
  return unit % 60 === 0 ? text.slice(0, 16) : text;
}

/**
 * Describe a zone: "UTC" or "local time, UTC+02:00". The offset is that of the given time.
 *
 * @param {Zone} zone
 * @param {number} seconds
 * @returns {string}
 */
export function zoneName(zone, seconds) {
  if (zone === "utc") return "UTC";
  const minutes = -new Date(seconds * 1000).getTimezoneOffset();
  const two = (/** @type {number} */ value) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `local time, UTC${minutes < 0 ? "−" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/**
 * Return the texts of the ticks of a time axis. The first tick and each first tick of a day (of a
 * year, if the ticks are days) have the date below the time.
 *
 * @param {number[]} ticks in seconds
 * @param {number} step between two ticks, in seconds
 * @param {Zone} zone
 * @returns {string[]}
 */
export function tickTexts(ticks, step, zone) {
  let before = "";
  return ticks.map((tick) => {
    const text = shifted(tick, zone).toISOString();
    const day = `${MONTHS[Number(text.slice(5, 7)) - 1]} ${Number(text.slice(8, 10))}`;
    const [upper, lower] =
      step >= DAY ? [day, text.slice(0, 4)] : [text.slice(11, step < 60 ? 19 : 16), day];
    const isNew = lower !== before;
    before = lower;
    return isNew ? `${upper}\n${lower}` : upper;
  });
}

/**
 * Return the time that the value of an input of the type "datetime-local" means, in RFC 3339; null
 * if the input is empty.
 *
 * @param {string} value
 * @param {Zone} zone
 * @returns {string | null}
 */
export function fromInput(value, zone) {
  if (!value) return null;
  return toRfc3339(new Date(zone === "utc" ? `${value}Z` : value).getTime() / 1000);
}

/**
 * Return the value of an input of the type "datetime-local" for a time in RFC 3339.
 *
 * @param {string | null} text
 * @param {Zone} zone
 * @returns {string}
 */
export function toInput(text, zone) {
  const milliseconds = text === null ? NaN : Date.parse(text);
  return Number.isNaN(milliseconds) ? "" : stamp(milliseconds / 1000, zone).replace(" ", "T");
}

/**
 * Format a time in RFC 3339, in UTC.
 *
 * @param {number} seconds
 * @returns {string}
 */
export const toRfc3339 = (seconds) =>
  new Date(seconds * 1000).toISOString().replace(/\.000Z$/, "Z");
