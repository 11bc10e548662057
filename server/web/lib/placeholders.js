// What a page shows while it has nothing to show.

import { h } from "./dom.js";

export const loading = () => h("p", { class: "state loading", role: "status" }, "Loading…");

/** Nothing is there: what that means, and what can be done. */
export const empty = (title, ...more) => h("div", { class: "state" }, h("p", { class: "state-title" }, title), h("p", {}, more));

const TITLES = { 0: "No connection", 404: "Not found" };

/** Something went wrong, with a button to try again. */
export const failure = (error, again) => h("div", { class: "state error", role: "alert" },
  h("p", { class: "state-title" }, TITLES[error.status] ?? "That did not work"),
  h("p", {}, error.message),
  again && h("button", { onclick: again }, "Try again"));
