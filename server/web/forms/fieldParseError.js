// The error of a form whose field holds something that cannot be read.

/** @typedef {import("../types.js").FieldDocument} FieldDocument */

/** The content of a field cannot be parsed. */
export class FieldParseError extends Error {
  /**
   * @param {string} field the path of the field, as in errors of the API
   * @param {string} detail
   */
  constructor(field, detail) {
    super(`${field}: ${detail}`);
    /** @type {FieldDocument[]} */
    this.errors = [{ field, detail }];
  }
}
