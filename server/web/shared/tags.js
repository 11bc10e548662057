// Tags as text of a form.

/**
 * Return the tags in a text, which are separated by commas.
 *
 * @param {string} text
 * @returns {string[]}
 */
export const tagsIn = (text) => text.split(",").flatMap((tag) => tag.trim() || []);
