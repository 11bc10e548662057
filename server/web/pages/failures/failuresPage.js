// The failures: failed jobs in groups whose errors are alike, with buttons that retry a group.

import { h, replaceChildren, setText, tableHead, update } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
import { follow } from "../../lib/eventStream.js";
import * as format from "../../lib/format.js";
import { empty, failure, loading } from "../../lib/placeholders.js";
import { throttle } from "../../lib/throttle.js";
import { get, getJobTypes, getQueues } from "../../shared/api.js";
import { failuresHref, queryOf } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { queryFilters } from "../../shared/spans.js";
import { failureForm, readFilters } from "./failureFilters.js";
import { failureRow } from "./failureRow.js";

/** @typedef {import("../../types.js").FailuresDocument} FailuresDocument */

const LOAD_MS = 10_000; // the service may look at failures for half a second
const HEADS = ["Error", "Type", "Jobs", "First", "Last"];

/**
 * Show the page with the filters of the address.
 *
 * @type {import("../../app.js").Show}
 */
export function showFailures(root, go) {
  const page = new FailuresPage(root, go);
  page.start();
  return () => page.stop();
}

class FailuresPage {
  /**
   * @param {HTMLElement} root
   * @param {import("../../app.js").Go} go
   */
  constructor(root, go) {
    this.root = root;
    this.go = go;
    this.filters = readFilters(location.search);
    this.stopFollowing = () => {};
    this.loadSoon = throttle(LOAD_MS, () => this.load());
    this.form = h("div");
    this.rows = h("tbody");
    this.summary = h("p", { class: "quiet", role: "status" });
    this.pager = h("nav", { class: "pager", "aria-label": "Earlier failures" });
    const heads = hasRole("admin") ? [...HEADS, "Retry"] : HEADS;
    this.table = h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Failures" },
      h("table", { class: "figures failures" }, tableHead(heads), this.rows),
    );
    this.list = replaceChildren(h("div", {}), loading());
  }

  start() {
    replaceChildren(
      this.root,
      h("h1", {}, "Failures"),
      h(
        "p",
        { class: "quiet" },
        "Failed jobs of one type whose errors are alike. The sign # stands for a number or an id.",
      ),
      this.form,
      this.summary,
      this.list,
      this.pager,
    );
    this.showForm();
    this.stopFollowing = follow("/events?status=failed", { status: this.loadSoon }, this.loadSoon);
    this.load();
  }

  stop() {
    this.stopFollowing();
    this.loadSoon.stop();
  }

  async showForm() {
    const [types, queues] = await Promise.all([
      getJobTypes().then(Object.keys, () => []),
      getQueues().then(
        (found) => found.map(({ name }) => name),
        () => [],
      ),
    ]);
    const known = { types, queues };
    const form = failureForm(this.filters, known, (filters) => this.go(failuresHref(filters)));
    replaceChildren(this.form, form);
  }

  async load() {
    const filters = queryFilters(this.filters, Date.now());
    try {
      this.show(await get(`/failures${queryOf(filters)}`), filters);
    } catch (error) {
      // The header shows that the connection is lost, so the list can stay.
      if (statusOf(error) === 0 && this.table.isConnected) return;
      replaceChildren(
        this.list,
        failure(error, () => this.load()),
      );
    }
  }

  /**
   * @param {FailuresDocument} found
   * @param {import("./failureFilters.js").FailureFilters} filters as the API takes them
   */
  show(found, filters) {
    const rows = found.items.map((group) => failureRow(group, filters, () => this.load()));
    update(this.rows, rows);
    const content = found.items.length ? this.table : empty("No failures", "No job has failed.");
    if (!content.isConnected) replaceChildren(this.list, content);
    setText(this.summary, summaryOf(found));
    replaceChildren(
      this.pager,
      this.filters.cursor &&
        h("a", { href: failuresHref({ ...this.filters, cursor: "" }) }, "Latest"),
      found.next &&
        h(
          "a",
          { href: failuresHref({ ...this.filters, cursor: found.next }), rel: "next" },
          "Earlier failures",
        ),
    );
  }
}

/**
 * Say how many failures are in the list, and which are not.
 *
 * @param {Pick<FailuresDocument, "failed" | "group_count" | "items" | "looked_back_to">} found
 * @returns {string}
 */
export function summaryOf({ failed, group_count: groups, items, looked_back_to: back }) {
  const counted = failed
    ? `${format.plural(failed, "failed job")} in ${format.plural(groups, "group")}.`
    : "";
  const shown = items.length < groups ? ` The largest ${items.length} are shown.` : "";
  const rest = back ? ` Jobs that failed before ${format.time(back)} were not looked at.` : "";
  return (counted + shown + rest).trim();
}
