// A row of the list. It is kept while its job is shown, and changed in place.

import { DEFAULT_QUEUE } from "../../shared/api.js";
import { h, put, setText } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { smallBar } from "../job/progressPanel.js";
import { badge } from "../../shared/status.js";

export class JobRow {
  constructor(job) {
    this.cells = ["status", "job", "what", "created", "took"].map((name) => h("td", { class: name }));
    this.error = h("div", { class: "error-of" });
    this.element = h("tr", {}, this.cells);
    this.update(job);
  }

  /** Show the job, or what an event tells of it: that has no payload and no name of its file. */
  update(job) {
    const before = this.job;
    this.job = { ...before, ...job };
    const [status, name, what, created] = this.cells;
    put(status, badge(this.job));
    this.tellWhy();
    this.tick();
    if (before) return; // what follows never changes
    put(name, h("a", { href: `/ui/jobs/${job.job_id}`, title: `${job.type} ${job.job_id}` },
      h("strong", {}, job.type), " ", h("code", {}, format.shortId(job.job_id))));
    put(what, summary(job), this.error);
    put(created, h("time", { datetime: job.created_at, title: format.fullTime(job.created_at) }, format.time(job.created_at)));
  }

  /** Show why it has failed, or waits to be tried again. */
  tellWhy() {
    const { error, status } = this.job;
    const text = error && ["failed", "queued"].includes(status) ? `${error.type}: ${error.message}` : "";
    setText(this.error, text);
    this.error.title = text;
  }

  /** Show how long it runs by now. */
  tick() {
    put(this.cells.at(-1), h("span", {}, this.took()), smallBar(this.job));
  }

  took() {
    const { started_at: start, finished_at: end, status } = this.job;
    if (status === "running") return `for ${format.duration(format.secondsBetween(start))}`;
    if (status === "queued" && Date.parse(this.job.run_at) > Date.now()) return `due ${format.time(this.job.run_at)}`;
    return start && end ? format.duration(format.secondsBetween(start, end)) : "";
  }
}

/** What tells jobs apart: the queue, the file, and the payload in short. */
function summary(job) {
  const text = Object.entries(job.payload ?? {}).map(([key, value]) =>
    `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
  const queue = job.queue && job.queue !== DEFAULT_QUEUE && h("span", { class: "queue-of", title: "Queue" }, job.queue);
  return [queue, job.upload && h("strong", {}, `${job.upload.name} `), text.slice(0, 200)];
}
