// Why a queued job does not run yet, and when it is expected to start.

import { h, update } from "../../lib/dom.js";
import { throttle } from "../../lib/throttle.js";
import { get } from "../../shared/api.js";
import { lines } from "../../shared/estimates.js";
import { jobPath } from "../../shared/links.js";

const REFRESH_MS = 5000;

/** Shows the reasons while the job is queued; hidden otherwise. Call `show` often. */
export class WaitingReasons {
  /** @param {string} id the id of the job */
  constructor(id) {
    this.id = id;
    this.list = h("ul", {}, h("li", {}, "Loading…"));
    this.element = h(
      "section",
      { class: "waiting", hidden: true },
      h("h2", {}, "Why this job is waiting"),
      this.list,
    );
    this.load = throttle(REFRESH_MS, () => this.loadNow());
  }

  /** @param {import("../../types.js").JobDocument} job */
  show(job) {
    this.element.hidden = job.status !== "queued";
    if (!this.element.hidden && !document.hidden) this.load();
  }

  stop() {
    this.load.stop();
  }

  async loadNow() {
    try {
      update(this.list, lines(await get(jobPath(this.id, "/explain"))));
    } catch (error) {
      update(this.list, h("li", {}, error instanceof Error ? error.message : ""));
    }
  }
}
