// The media types of files that have a preview.

export const IMAGE = /^image\/(png|jpeg|gif|webp|avif|svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)$/;
export const TEXT =
  /^(text\/.*|application\/(json|jsonl|xml|yaml|toml|javascript|sql|.*\+(json|xml)))$/;

/**
 * Return whether files of this media type can be shown. A type that is not known yet may be.
 *
 * @param {string | null} type
 * @returns {boolean}
 */
export const canPreview = (type) => type === null || IMAGE.test(type) || TEXT.test(type);
