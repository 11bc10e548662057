// The list of schedules, which loads again by itself, and the form of a new one.

import { actionButton, showMessage } from "../../lib/dialog.js";
import { h, replaceChildren, tableHead, update } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { empty, failure, loading } from "../../lib/placeholders.js";
import { throttle } from "../../lib/throttle.js";
import { jobHref, queryOf, scheduleHref } from "../../shared/links.js";
import {
  getSchedules,
  mayChangeSchedule,
  pauseSchedule,
  runSchedule,
} from "../../shared/schedules.js";
import { hasRole } from "../../shared/session.js";
import { showScheduleForm } from "./scheduleForm.js";
import { stateBadge } from "./stateBadge.js";
import { timesText } from "./times.js";

/** @typedef {import("../../types.js").ScheduleHeadDocument} ScheduleHeadDocument */
/** @typedef {import("../../types.js").SchedulesDocument} SchedulesDocument */

const LOAD_MS = 500;
const IDLE_MS = 3000;
const HEADS = ["Schedule", "State", "Next", "Fires", "Jobs", "Actions"];
const ABOUT = "A schedule submits a job at set times, such as every day at 02:30.";

/**
 * Show the page.
 *
 * @type {import("../../app.js").Show}
 */
export function showSchedules(root, go) {
  const query = new URLSearchParams(location.search);
  if (query.has("new")) {
    showScheduleForm(root, go, null);
    return;
  }
  const page = new SchedulesPage(root, go, query.get("cursor"));
  page.start();
  return () => page.stop();
}

class SchedulesPage {
  /**
   * @param {HTMLElement} root
   * @param {import("../../app.js").Go} go
   * @param {string | null} cursor
   */
  constructor(root, go, cursor) {
    this.root = root;
    this.go = go;
    this.cursor = cursor;
    this.timer = 0;
    this.load = throttle(LOAD_MS, () => this.loadNow());
    this.body = replaceChildren(h("div", {}), loading());
  }

  start() {
    const create = h("a", { class: "button", href: "/ui/schedules?new=" }, "New schedule…");
    replaceChildren(
      this.root,
      h("div", { class: "title-row" }, h("h1", {}, "Schedules"), hasRole("submit") && create),
      this.body,
    );
    this.timer = setInterval(() => document.hidden || this.load(), IDLE_MS);
    this.load();
  }

  stop() {
    clearInterval(this.timer);
    this.load.stop();
  }

  async loadNow() {
    try {
      this.show(await getSchedules(this.cursor));
    } catch (error) {
      const isShown = this.body.querySelector("table") !== null;
      if (statusOf(error) !== 0 || !isShown) replaceChildren(this.body, failure(error, this.load));
    }
  }

  /** @param {SchedulesDocument} page */
  show({ schedules, next }) {
    if (!schedules.length && !this.cursor) {
      update(this.body, empty("No schedules yet", ABOUT));
      return;
    }
    update(
      this.body,
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "group", "aria-label": "Schedules" },
        h(
          "table",
          { class: "schedules stacked" },
          tableHead(HEADS),
          h(
            "tbody",
            {},
            schedules.map((each) => this.row(each)),
          ),
        ),
      ),
      h(
        "nav",
        { class: "pager", "aria-label": "Pages of the list" },
        this.cursor && h("a", { href: "/ui/schedules" }, "First page"),
        next && h("a", { href: `/ui/schedules${queryOf({ cursor: next })}` }, "Next page"),
      ),
    );
  }

  /** @param {ScheduleHeadDocument} schedule */
  row(schedule) {
    const { name, paused, last_job_id: job } = schedule;
    const next = schedule.next[0];
    const pause = paused ? "Resume" : "Pause";
    return h(
      "tr",
      { "data-key": name },
      h("th", { scope: "row" }, h("a", { href: scheduleHref(name) }, name)),
      h("td", {}, stateBadge(schedule)),
      h("td", {}, next && h("time", { datetime: next, title: next }, format.time(next))),
      h("td", {}, timesText(schedule)),
      h("td", {}, schedule.type, job && [" · ", h("a", { href: jobHref(job) }, "last job")]),
      h(
        "td",
        {},
        mayChangeSchedule(schedule) &&
          h(
            "div",
            { class: "buttons" },
            actionButton("Run now", () => this.run(name), { "aria-label": `Run ${name} now` }),
            actionButton(pause, () => this.pause(name, !paused), {
              "aria-label": `${pause} ${name}`,
            }),
          ),
      ),
    );
  }

  /** @param {string} name */
  async run(name) {
    const { job_id: id } = await runSchedule(name);
    showMessage(`Job ${format.shortId(id)} of ${name} submitted.`);
    this.load();
  }

  /**
   * @param {string} name
   * @param {boolean} paused
   */
  async pause(name, paused) {
    await pauseSchedule(name, paused);
    showMessage(`Schedule ${name} ${paused ? "paused" : "resumed"}.`);
    this.load();
  }
}
