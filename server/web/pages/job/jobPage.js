// The page of a job, which follows the job until it ends.

import { AnalysisView } from "../../analysis/analysisView.js";
import { actionButton, confirm, showMessage } from "../../lib/dialog.js";
import { h, replaceChildren, update } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
import { follow } from "../../lib/eventStream.js";
import * as format from "../../lib/format.js";
import { failure, loading } from "../../lib/placeholders.js";
import { throttle } from "../../lib/throttle.js";
import { call, get } from "../../shared/api.js";
import { jobPath } from "../../shared/links.js";
import { getSession, mayChange } from "../../shared/session.js";
import { canRetry, isFinal } from "../../shared/status.js";
import { attemptsPanel } from "./attempts.js";
import { openChangeDialog } from "./changeDialog.js";
import { jobDocuments } from "./documents.js";
import { FilesPanel } from "./filesPanel.js";
import { jobFacts, jobHead } from "./jobHead.js";
import { OutputPanel } from "./output.js";
import { ProgressPanel } from "./progressPanel.js";
import { RelatedJobs } from "./relatedJobs.js";
import { WaitingReasons } from "./waitingReasons.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {import("../../types.js").JobEvent} JobEvent */
/** @typedef {import("../../types.js").OutputEvent} OutputEvent */

const LOAD_MS = 250;
const TICK_MS = 1000;

/**
 * Show the page of the job whose id is in the address.
 *
 * @type {import("../../app.js").Show}
 */
export function showJob(root, go, [id]) {
  const page = new JobPage(root, go, decodeURIComponent(id));
  page.start();
  return () => page.stop();
}

/** Returns why the caller may not change the job. */
const refusal = () =>
  getSession().role === "read"
    ? "Your role (read) does not allow changing jobs."
    : "Only admins may change jobs of others.";

class JobPage {
  /**
   * @param {HTMLElement} root
   * @param {import("../../app.js").Go} go
   * @param {string} id
   */
  constructor(root, go, id) {
    this.root = root;
    this.go = go;
    this.id = id;
    /** @type {JobDocument | null} */
    this.job = null;
    this.isFollowing = false;
    this.stopFollowing = () => {};
    this.timer = 0;
    this.head = h("div", {});
    this.facts = h("div", {});
    this.details = h("div", {});
    this.documents = h("div", {});
    this.actions = h("div", { class: "buttons" });
    this.progress = new ProgressPanel();
    this.analysis = new AnalysisView(go);
    this.waiting = new WaitingReasons(id);
    this.related = new RelatedJobs(id, () => this.job && this.showActions(this.job));
    this.files = new FilesPanel(id);
    this.output = new OutputPanel(id);
    this.load = throttle(LOAD_MS, () => this.loadNow());
  }

  start() {
    replaceChildren(this.root, loading());
    this.load();
    this.timer = setInterval(() => this.job && this.showLive(this.job), TICK_MS);
  }

  stop() {
    this.stopFollowing();
    this.analysis.stop();
    this.output.stop();
    this.waiting.stop();
    this.related.stop();
    this.load.stop();
    clearInterval(this.timer);
  }

  async loadNow() {
    try {
      /** @type {JobDocument} */
      const job = await get(jobPath(this.id));
      if (!this.job) {
        replaceChildren(
          this.root,
          this.head,
          this.actions,
          this.progress.element,
          this.waiting.element,
          this.related.element,
          this.analysis.element,
          this.facts,
          this.files.element,
          this.details,
          this.output.element,
          this.documents,
        );
      }
      this.job = job;
      this.show(job);
      if (!this.isFollowing && !isFinal(job.status)) this.follow();
    } catch (error) {
      this.showFailure(error);
    }
  }

  /**
   * Show the error in place of the job. A job that is already there stays while the connection is
   * lost, because the header of the page says so.
   *
   * @param {unknown} error
   */
  showFailure(error) {
    if (statusOf(error) === 0 && this.job) return;
    this.stopFollowing();
    this.job = null;
    replaceChildren(
      this.root,
      h("h1", {}, "Job"),
      failure(error, statusOf(error) === 404 ? null : this.load),
      h("p", {}, h("a", { href: "/ui/jobs" }, "All jobs")),
    );
  }

  follow() {
    this.isFollowing = true;
    const onEnd = () => {
      this.isFollowing = false;
      this.loadAll();
    };
    const onProgress = (/** @type {JobEvent} */ { progress }) => {
      if (!this.job || !progress) return;
      this.job.progress = progress;
      this.progress.show(this.job);
      this.load();
    };
    const onOutput = (/** @type {OutputEvent} */ event) => this.output.add(event);
    this.stopFollowing = follow(
      jobPath(this.id, "/events"),
      { status: this.load, deadline: this.load, progress: onProgress, log: onOutput, end: onEnd },
      () => this.loadAll(),
    );
  }

  loadAll() {
    this.load();
    this.output.load();
  }

  /** @param {JobDocument} job */
  show(job) {
    document.title = `${job.status} · ${job.type} · Job Service`;
    this.showActions(job);
    this.showLive(job);
    this.output.setNewest(job.attempt, isFinal(job.status));
    update(this.head, jobHead(job));
    update(this.facts, jobFacts(job));
    this.analysis.show(job);
    this.files.show(job);
    update(
      this.details,
      h(
        "section",
        {},
        h("h2", {}, "Attempts"),
        attemptsPanel(job, (attempt) => this.output.choose(attempt)),
      ),
    );
    update(this.documents, jobDocuments(job));
  }

  /**
   * Show what changes while the job does not.
   *
   * @param {JobDocument} job
   */
  showLive(job) {
    this.progress.show(job);
    this.waiting.show(job);
    this.related.show(job);
  }

  /** @param {JobDocument} job */
  showActions(job) {
    const why = mayChange(job) ? null : refusal();
    const disabled = why !== null;
    update(
      this.actions,
      !isFinal(job.status) &&
        actionButton("Cancel", () => this.cancel(), {
          class: "danger",
          disabled,
          "data-key": "cancel",
        }),
      job.status === "queued" &&
        actionButton("Change", () => this.change(job), { disabled, "data-key": "change" }),
      canRetry(job.status) &&
        actionButton("Retry", () => this.retry(), {
          class: "primary",
          disabled,
          "data-key": "retry",
        }),
      this.related.hasCanceled &&
        actionButton("Retry with jobs after it", () => this.retry("?downstream=true"), {
          title: "Also retries the jobs that were canceled because of this one",
          disabled,
          "data-key": "retry all",
        }),
      isFinal(job.status) &&
        actionButton("Delete", () => this.remove(job), {
          class: "danger",
          disabled,
          "data-key": "delete",
        }),
      why && h("span", { class: "quiet" }, why),
    );
  }

  async cancel() {
    if (!(await this.confirmCancel())) return;
    /** @type {import("../../types.js").ChangedDocument} */
    const { message } = await call("POST", jobPath(this.id, "/cancel"));
    showMessage(`${message[0].toUpperCase()}${message.slice(1)}.`);
    this.load();
  }

  /** Ask before a cancel that cancels other jobs, too. */
  async confirmCancel() {
    if (!this.related.hasFollowers) return true;
    /** @type {import("../../types.js").ChangedDocument} */
    const { downstream } = await call("POST", jobPath(this.id, "/cancel?dry_run=true"));
    if (!downstream) return true;
    const text = `${format.plural(downstream, "waiting job")} will be canceled with it.`;
    return confirm("Cancel this job?", text, "Cancel all", { danger: true });
  }

  /** @param {JobDocument} job */
  async change(job) {
    if (!(await openChangeDialog(job))) return;
    showMessage("Job changed.");
    this.load();
  }

  /** @param {string} [query] */
  async retry(query = "") {
    /** @type {import("../../types.js").ChangedDocument} */
    const { downstream } = await call("POST", jobPath(this.id, `/retry${query}`));
    const more = downstream ? ` with ${format.plural(downstream, "job")} after it` : "";
    showMessage(`Job queued again${more}.`);
    this.related.load();
    this.load();
  }

  /** @param {JobDocument} job */
  async remove(job) {
    const file = job.upload ? " Its file is deleted, too, unless another job uses it." : "";
    const text = `The ${job.type} job created at ${format.fullTime(job.created_at)} will be deleted with its result and output.${file}`;
    if (!(await confirm("Delete this job?", text, "Delete", { danger: true }))) return;
    await call("DELETE", jobPath(this.id));
    showMessage("Job deleted.");
    this.go("/ui/jobs");
  }
}
