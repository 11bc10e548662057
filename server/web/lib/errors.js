// Reads what was thrown: an Error, which may have the `status` and the `errors` of an API response.

/** @typedef {{ field: string, detail: string }} FieldError what is wrong with one field */

/**
 * Return the message of an error.
 *
 * @param {unknown} error
 * @returns {string}
 */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Return the HTTP status of an error: 0 without a connection, null if it is no error of a request.
 *
 * @param {unknown} error
 * @returns {number | null}
 */
export const statusOf = (error) =>
  error instanceof Error && "status" in error && typeof error.status === "number"
    ? error.status
    : null;

/**
 * Return the errors that name a field.
 *
 * @param {unknown} error
 * @returns {FieldError[]}
 */
export const fieldErrorsOf = (error) =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors) ? error.errors : [];

/**
 * Describe errors of fields in one line: "queue: is not there; timeout: must be above 0".
 *
 * @param {FieldError[]} errors
 * @returns {string}
 */
export const describeErrors = (errors) =>
  errors.map(({ field, detail }) => `${field}: ${detail}`).join("; ");
