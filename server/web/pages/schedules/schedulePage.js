// The page of a schedule: its settings, its next times, and its newest firings.

import { actionButton, confirm, showMessage } from "../../lib/dialog.js";
import { h, replaceChildren, tableHead, update } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { empty, failure, loading } from "../../lib/placeholders.js";
import { throttle } from "../../lib/throttle.js";
import { jobHref, jobsHref, scheduleHref } from "../../shared/links.js";
import {
  deleteSchedule,
  getSchedule,
  mayChangeSchedule,
  pauseSchedule,
  runSchedule,
} from "../../shared/schedules.js";
import { MISSED, OVERLAP } from "./choices.js";
import { showScheduleForm } from "./scheduleForm.js";
import { stateBadge } from "./stateBadge.js";
import { timesText } from "./times.js";

/** @typedef {import("../../types.js").FiringDocument} FiringDocument */
/** @typedef {import("../../types.js").ScheduleDocument} ScheduleDocument */

const LOAD_MS = 500;
const IDLE_MS = 3000;
const HEADS = ["Due", "Outcome", "Job", "Late by", "Reason"];

/**
 * Show the page of the schedule whose name is in the address, or the form that edits it.
 *
 * @type {import("../../app.js").Show}
 */
export function showSchedule(root, go, [name]) {
  const page = new SchedulePage(root, go, decodeURIComponent(name));
  page.start();
  return () => page.stop();
}

class SchedulePage {
  /**
   * @param {HTMLElement} root
   * @param {import("../../app.js").Go} go
   * @param {string} name
   */
  constructor(root, go, name) {
    this.root = root;
    this.go = go;
    this.name = name;
    this.isEdited = new URLSearchParams(location.search).has("edit");
    this.timer = 0;
    this.load = throttle(LOAD_MS, () => this.loadNow());
    this.body = h("div", {});
  }

  start() {
    replaceChildren(this.root, loading());
    document.title = `${this.name} · Job Service`;
    if (!this.isEdited) this.timer = setInterval(() => document.hidden || this.load(), IDLE_MS);
    this.load();
  }

  stop() {
    clearInterval(this.timer);
    this.load.stop();
  }

  async loadNow() {
    try {
      const schedule = await getSchedule(this.name);
      if (this.isEdited) {
        showScheduleForm(this.root, this.go, schedule);
        return;
      }
      if (!this.body.isConnected) replaceChildren(this.root, this.body);
      this.show(schedule);
    } catch (error) {
      if (statusOf(error) === 0 && this.body.isConnected) return; // what is shown can stay
      replaceChildren(
        this.root,
        h("h1", {}, "Schedule"),
        failure(error, statusOf(error) === 404 ? null : this.load),
        h("p", {}, h("a", { href: "/ui/schedules" }, "All schedules")),
      );
    }
  }

  /** @param {ScheduleDocument} schedule */
  show(schedule) {
    const { name, next, recent } = schedule;
    update(
      this.body,
      h("p", { class: "crumbs" }, h("a", { href: "/ui/schedules" }, "Schedules"), " / ", name),
      h("h1", {}, name, " ", stateBadge(schedule)),
      facts(schedule),
      mayChangeSchedule(schedule)
        ? this.actions(schedule)
        : h("p", { class: "quiet" }, "Only admins and its creator may change and run it."),
      h(
        "section",
        {},
        h("h2", {}, "Next times"),
        next.length
          ? h(
              "ul",
              { class: "next-times" },
              next.map((each) => h("li", {}, time(each))),
            )
          : h("p", { class: "quiet" }, schedule.paused ? "None while it is paused." : "None."),
      ),
      h(
        "section",
        {},
        h(
          "div",
          { class: "title-row" },
          h("h2", {}, "Recent firings"),
          h("a", { href: jobsHref({ schedule: name }) }, "All its jobs"),
        ),
        recent.length ? firings(recent) : empty("No firings yet"),
      ),
      h(
        "details",
        { open: true, "data-key": "payload" },
        h("summary", {}, "Payload"),
        h(
          "pre",
          { class: "text", tabindex: 0, "aria-label": "Payload" },
          JSON.stringify(schedule.payload, null, 2),
        ),
      ),
    );
  }

  /** @param {ScheduleDocument} schedule */
  actions({ name, paused }) {
    return h(
      "div",
      { class: "buttons" },
      actionButton("Run now", () => this.run(), { class: "primary" }),
      actionButton(paused ? "Resume" : "Pause", () => this.pause(!paused)),
      h("a", { class: "button", href: `${scheduleHref(name)}?edit=` }, "Edit"),
      actionButton("Delete", () => this.remove(), { class: "danger" }),
    );
  }

  async run() {
    const { job_id: id } = await runSchedule(this.name);
    showMessage(`Job ${format.shortId(id)} submitted.`);
    this.load();
  }

  /** @param {boolean} paused */
  async pause(paused) {
    await pauseSchedule(this.name, paused);
    showMessage(`Schedule ${paused ? "paused. Its jobs continue." : "resumed."}`);
    this.load();
  }

  async remove() {
    const text = "It fires no more, and its history is deleted. Its jobs stay.";
    if (!(await confirm(`Delete the schedule ${this.name}?`, text, "Delete", { danger: true })))
      return;
    await deleteSchedule(this.name);
    showMessage(`Schedule ${this.name} deleted.`);
    this.go("/ui/schedules");
  }
}

/** @param {ScheduleDocument} schedule */
function facts(schedule) {
  /** @type {[name: string, value: import("../../lib/dom.js").Child][]} */
  const pairs = [
    ["Fires", timesText(schedule)],
    ["Job type", h("a", { href: jobsHref({ type: schedule.type }) }, schedule.type)],
    ["Missed times", MISSED[schedule.missed] ?? schedule.missed],
    ["If the last job goes on", OVERLAP[schedule.overlap] ?? schedule.overlap],
    ["Until", schedule.until && time(schedule.until)],
    ...Object.entries(schedule.options).map(([name, value]) => optionFact(name, value)),
    ["Created", time(schedule.created_at)],
    ["Created by", schedule.created_by],
    ["Changed", schedule.version > 1 && time(schedule.updated_at)],
    ["Changed by", schedule.version > 1 && schedule.changed_by],
  ];
  return h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => value && h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {[name: string, value: string]}
 */
function optionFact(name, value) {
  const label = name.replaceAll("_", " ");
  const text = Array.isArray(value) ? value.join(", ") : value;
  return [
    label[0].toUpperCase() + label.slice(1),
    typeof text === "string" ? text : JSON.stringify(text),
  ];
}

/** @param {FiringDocument[]} recent */
function firings(recent) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": "Recent firings" },
    h(
      "table",
      { class: "schedules" },
      tableHead(HEADS),
      h(
        "tbody",
        {},
        recent.map((each) => firingRow(each)),
      ),
    ),
  );
}

/** @param {FiringDocument} firing */
function firingRow({ nominal_at: due, fired_at: at, job_id: job, outcome, reason, status }) {
  const late = format.secondsBetween(due, at);
  return h(
    "tr",
    { "data-key": `${due} ${job}` },
    h("td", {}, time(due)),
    h("td", {}, outcome),
    h(
      "td",
      {},
      job && status ? h("a", { href: jobHref(job) }, statusBadge(status)) : job ? "deleted" : "–",
    ),
    h("td", {}, late < 0.001 ? "–" : format.duration(late)),
    h("td", {}, reason),
  );
}

/** @param {string} status */
const statusBadge = (status) => h("span", { class: `badge ${status}` }, status);

/** @param {string} text */
const time = (text) => h("time", { datetime: text, title: text }, format.time(text));
