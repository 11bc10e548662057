// One job, live to its end.

import { call, get, jobPath } from "../../shared/api.js";
import { ask, attempt, tell } from "../../lib/dialog.js";
import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { paced } from "../../lib/throttle.js";
import { mayChange, who } from "../../shared/session.js";
import { failure, loading } from "../../lib/placeholders.js";
import { follow } from "../../lib/eventStream.js";
import { jobDetails, jobDocuments, jobHead } from "./jobHead.js";
import { LogPanel } from "./output.js";
import { ProgressPanel } from "./progressPanel.js";
import { canRetry, isFinal } from "../../shared/status.js";

const LIVE_MS = 250;
const TICK_MS = 1000;

/** Show the page; returns what stops it. */
export function showJob(root, { match, go }) {
  const page = new JobPage(root, decodeURIComponent(match[1]), go);
  page.start();
  return () => page.stop();
}

/** Why the caller may not change the job. */
const whyNot = () => (who().role === "read" ? "Your role is read: it may change no job." : "Only an admin may change jobs of others.");

class JobPage {
  constructor(root, id, go) {
    Object.assign(this, { root, id, go, job: null, stopFollowing: () => {} });
    this.head = h("div", {});
    this.details = h("div", {});
    this.documents = h("div", {});
    this.actions = h("div", { class: "buttons" });
    this.progress = new ProgressPanel();
    this.log = new LogPanel(id);
    this.load = paced(LIVE_MS, () => this.loadNow());
  }

  start() {
    put(this.root, loading());
    this.load();
    this.timer = setInterval(() => this.job && this.progress.show(this.job), TICK_MS);
  }

  stop() {
    this.stopFollowing();
    this.log.stop();
    this.load.stop();
    clearInterval(this.timer);
  }

  async loadNow() {
    try {
      const job = await get(jobPath(this.id));
      if (!this.job) put(this.root, this.head, this.actions, this.progress.element, this.details, this.log.element, this.documents);
      this.job = job;
      this.show();
      if (!this.following && !isFinal(job.status)) this.follow();
    } catch (error) {
      if (error.status === 0 && this.job) return; // the connection is told of above
      this.stopFollowing();
      [this.job, this.shown] = [null, ""];
      put(this.root, h("h1", {}, "Job"), failure(error, error.status === 404 ? null : this.load),
        h("p", {}, h("a", { href: "/ui/jobs" }, "All jobs")));
    }
  }

  follow() {
    this.following = true;
    const ended = () => {
      this.following = false;
      this.load();
      this.log.load();
    };
    const moved = ({ progress }) => {
      if (!this.job || !progress) return;
      this.job.progress = progress;
      this.progress.show(this.job);
      this.load();
    };
    const fresh = () => [this.load, this.log.load].forEach((load) => load());
    this.stopFollowing = follow(jobPath(this.id, "/events"),
      { status: this.load, progress: moved, log: (piece) => this.log.add(piece), end: ended }, fresh);
  }

  show() {
    const job = this.job;
    document.title = `${job.status} · ${job.type} · Job Service`;
    this.showActions();
    this.progress.show(job);
    this.log.at(job.attempt);
    const text = JSON.stringify(job);
    if (text === this.shown) return;
    this.shown = text;
    put(this.head, jobHead(job));
    this.showDetails();
  }

  /** All else anew, and those parts open that the reader has opened. */
  showDetails() {
    const opened = ({ open, firstChild }) => [firstChild.textContent, open];
    const before = new Map([...this.root.querySelectorAll("details")].map(opened));
    put(this.details, jobDetails(this.job, (number) => this.log.show(number)));
    put(this.documents, jobDocuments(this.job));
    for (const each of this.root.querySelectorAll("details")) {
      each.open = before.get(each.firstChild.textContent) ?? each.open;
    }
  }

  showActions() {
    const { status } = this.job;
    const names = isFinal(status) ? [canRetry(status) && "Retry", "Delete"].filter(Boolean) : ["Cancel"];
    const refused = mayChange(this.job) ? null : whyNot();
    const shown = [...names, refused].join();
    if (shown === this.names) return; // a button keeps the focus
    this.names = shown;
    const work = { Cancel: () => this.cancel(), Retry: () => this.retry(), Delete: () => this.remove() };
    put(this.actions, names.map((name) => h("button", { class: name === "Retry" ? "primary" : "danger",
      disabled: Boolean(refused), onclick: (event) => attempt(event.target, work[name]) }, name)),
      refused && h("span", { class: "quiet" }, refused));
  }

  async cancel() {
    const { message } = await call("POST", jobPath(this.id, "/cancel"));
    tell(`${message[0].toUpperCase()}${message.slice(1)}.`);
    this.load();
  }

  async retry() {
    await call("POST", jobPath(this.id, "/retry"));
    tell("Job queued again.");
    this.load();
  }

  async remove() {
    const what = `${this.job.type} of ${format.fullTime(this.job.created_at)}`;
    const more = this.job.upload ? " Its file goes, too, unless another job has it." : "";
    if (!(await ask("Delete this job?", `${what} will be gone, with its result and log.${more}`, "Delete", { danger: true }))) return;
    await call("DELETE", jobPath(this.id));
    tell("Job deleted.");
    this.go("/ui/jobs");
  }
}
