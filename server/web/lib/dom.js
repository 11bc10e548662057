// Creates, fills and updates elements. All text becomes text nodes; no module parses HTML.

import { atRoot } from "./root.js";

const SVG = "http://www.w3.org/2000/svg";

/** @type {WeakMap<Element, Properties>} what `h` and `update` gave to elements last */
const given = new WeakMap();

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
 * The attributes, styles and event listeners of an element. `true` sets an empty attribute;
 * `false`, null and undefined leave it out.
 *
 * @typedef {{
 *   onclick?: (event: MouseEvent) => unknown,
 *   onsubmit?: (event: SubmitEvent) => unknown,
 *   ondragover?: (event: DragEvent) => unknown,
 *   ondragleave?: (event: DragEvent) => unknown,
 *   ondrop?: (event: DragEvent) => unknown,
 *   style?: Record<string, string>,
 *   [name: string]: Attribute | Listener | Record<string, string>,
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
 * Make the children of an element like new ones, and keep every node that can stay: the focus, a
 * selection of text, scrolled boxes and open sections stay with it. Returns the element.
 *
 * A child that is in the element already stays as it is. Any other takes the place of the next
 * child of the same kind and with the same `data-key`: that child gets its properties and children.
 * What a reader or a program has changed since, such as the `open` of a section, stays until `h` is
 * given another value for it. An element that a program keeps needs a `data-key` of its own if it
 * may be missing from the children.
 *
 * @template {Element} E
 * @param {E} element
 * @param {...Child} children
 * @returns {E}
 */
export function update(element, ...children) {
  const wanted = nodes(children).map((each) =>
    typeof each === "string" ? document.createTextNode(each) : each,
  );
  const free = [...element.childNodes].filter((each) => !wanted.includes(each));
  const shown = wanted.map((next) => {
    const at = next.parentNode === element ? -1 : free.findIndex((old) => isAlike(old, next));
    return at < 0 ? next : patch(free.splice(at, 1)[0], next);
  });
  for (const old of free) old.remove();
  let place = element.firstChild;
  for (const node of shown) {
    if (node === place) place = place.nextSibling;
    else element.insertBefore(node, place);
  }
  return element;
}

/**
 * @param {Node} old
 * @param {Node} next
 */
const isAlike = (old, next) => old.nodeName === next.nodeName && keyOf(old) === keyOf(next);

/** @param {Node} node */
const keyOf = (node) => (node instanceof Element ? given.get(node)?.["data-key"] : undefined);

/**
 * Make a node like another of its kind. Returns it.
 *
 * @param {ChildNode} old
 * @param {Node} next
 */
function patch(old, next) {
  if (!(old instanceof Element && next instanceof Element)) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return old;
  }
  const [before, after] = [given.get(old) ?? {}, given.get(next) ?? {}];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
    if (before[name] !== after[name]) setProperty(old, name, after[name]);
  given.set(old, after);
  update(old, ...next.childNodes);
  return old;
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Properties} properties
 * @param {Child[]} children
 * @returns {E}
 */
function fill(element, properties, children) {
  given.set(element, properties);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(...nodes(children));
  return element;
}

/**
 * Call the listener that the element was given last.
 *
 * @param {Event} event
 */
function listen(event) {
  const element = /** @type {Element} */ (event.currentTarget);
  const listener = given.get(element)?.[`on${event.type}`];
  if (typeof listener === "function") /** @type {EventListener} */ (listener)(event);
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {Properties[string]} value
 */
function setProperty(element, name, value) {
  if (typeof value === "function") element.addEventListener(name.slice(2), listen);
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (typeof value === "object")
    Object.assign(/** @type {HTMLElement} */ (element).style, value);
  else if (name === "href") element.setAttribute(name, atRoot(String(value)));
  else element.setAttribute(name, value === true ? "" : String(value));
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
