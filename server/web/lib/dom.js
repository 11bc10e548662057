// Creates and fills elements. All text becomes text nodes; no module parses HTML.

import { atRoot } from "./root.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * A child of an element. Null, undefined, false and empty strings are left out, so that callers can
 * write `condition && element`. Lists may be nested.
 *
 * @typedef {Node | string | null | undefined | false | ChildList} Child
 */
/** @typedef {Child[]} ChildList */

/** @typedef {string | number | boolean | null | undefined} Attribute */
/** @typedef {(event: never) => unknown} Listener */

/**
 * The attributes and event listeners of an element. `true` sets an empty attribute; `false`, null
 * and undefined leave it out.
 *
 * @typedef {{
 *   onclick?: (event: MouseEvent) => unknown,
 *   onsubmit?: (event: SubmitEvent) => unknown,
 *   ondragover?: (event: DragEvent) => unknown,
 *   ondragleave?: (event: DragEvent) => unknown,
 *   ondrop?: (event: DragEvent) => unknown,
 *   [name: string]: Attribute | Listener,
 * }} Properties
 */

/**
 * Create an HTML element: `h("a", { href: "/", onclick: go }, "text", otherElement, null)`.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/**
 * Create an SVG element, from the same arguments as `h`.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/**
 * Create the head of a table, with one row.
 *
 * @param {string[]} heads
 * @returns {HTMLElement}
 */
export function tableHead(heads) {
  const cells = heads.map((head) => h("th", { scope: "col" }, head));
  return h("thead", {}, h("tr", {}, cells));
}

/**
 * Replace all children of an element; returns the element.
 *
 * @template {Element} E
 * @param {E} element
 * @param {...Child} children
 * @returns {E}
 */
export function replaceChildren(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * Set the text of an element. Equal text is not set again, so that a selection in it stays.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Return the element of index.html that has this id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 * @throws {Error} if there is none
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element #${id}`);
  return element;
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Properties} properties
 * @param {Child[]} children
 * @returns {E}
 */
function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function")
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "href") element.setAttribute(name, atRoot(String(value)));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children.flatMap((child) => {
    if (Array.isArray(child)) return nodes(child);
    return child === null || child === undefined || child === false || child === "" ? [] : [child];
  });
}
