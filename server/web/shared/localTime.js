// Times of the API in fields of the type `datetime-local`.

/**
 * Return a time of the API as the value of a `datetime-local` field, in the reader's time zone.
 * Null if there is no time, or none that can be read.
 *
 * @param {string | undefined} text RFC 3339
 * @returns {string | null}
 */
export function localTime(text) {
  const date = new Date(text ?? NaN);
  if (Number.isNaN(date.getTime())) return null;
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 19);
}
