// Links to the guides, which texts of the service name by their files: "docs/keys.md#unique-keys".

import { h } from "./dom.js";

const FILE = /docs\/([a-z0-9-]+)\.md(#[\w-]+)?/;

/**
 * Return a text with a link to each guide that it names.
 *
 * @param {string} text
 * @returns {import("./dom.js").Child[]}
 */
export function withGuides(text) {
  const found = FILE.exec(text);
  if (!found) return [text];
  const [file, name, hash = ""] = found;
  const link = h(
    "a",
    { href: `/docs/${name}${hash}`, target: "_blank" },
    `the guide “${name.replaceAll("-", " ")}”`,
  );
  return [text.slice(0, found.index), link, ...withGuides(text.slice(found.index + file.length))];
}
