// Placeholders for content that is loading, empty, or could not be loaded.

import { h } from "./dom.js";
import { messageOf, statusOf } from "./errors.js";

/** @typedef {import("./dom.js").Child} Child */

const TITLES = new Map([
  [0, "No connection"],
  [404, "Not found"],
]);

/**
 * A placeholder while the content is loading.
 *
 * @returns {HTMLElement}
 */
export const loading = () => h("p", { class: "state loading", role: "status" }, "Loading…");

/**
 * A placeholder where there is no content. `more` says why, or what to do next.
 *
 * @param {string} title
 * @param {...Child} more
 * @returns {HTMLElement}
 */
export const empty = (title, ...more) =>
  h("div", { class: "state" }, h("p", { class: "state-title" }, title), h("p", {}, more));

/**
 * A placeholder for content that could not be loaded, with a button that calls `retry`.
 *
 * @param {unknown} error
 * @param {(() => unknown) | null} retry null for no button
 * @returns {HTMLElement}
 */
export const failure = (error, retry) =>
  h(
    "div",
    { class: "state error", role: "alert" },
    h("p", { class: "state-title" }, TITLES.get(statusOf(error) ?? -1) ?? "Something went wrong"),
    h("p", {}, messageOf(error)),
    retry && h("button", { onclick: retry }, "Try again"),
  );
