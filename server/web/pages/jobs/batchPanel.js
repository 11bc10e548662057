// How far the batch is whose jobs are listed: a bar, counts, a button that cancels it, its graph.

import { actionButton } from "../../lib/dialog.js";
import { h, update } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { call, get } from "../../shared/api.js";
import { batchPath, jobHref, jobsHref } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { PipelinePanel } from "./pipelinePanel.js";

/** @typedef {import("../../types.js").BatchDocument} BatchDocument */

const REFRESH_MS = 1000;
const COUNTS = /** @type {const} */ ([
  "queued",
  "running",
  "succeeded",
  "failed",
  "canceled",
  "deleted",
]);

/**
 * Return how many jobs of a batch have ended, from 0 to 1.
 *
 * @param {BatchDocument} batch
 * @returns {number}
 */
export function fractionEnded({ size, queued, running }) {
  return size ? (size - queued - running) / size : 1;
}

/** Shows a batch until it is finished. Hidden without a batch, or if there is none with its id. */
export class BatchPanel {
  constructor() {
    this.progress = h("div", { class: "progress-panel", hidden: true });
    this.pipeline = new PipelinePanel();
    this.element = h("div", {}, this.progress, this.pipeline.element);
    /** @type {string | undefined} */
    this.id = undefined;
    this.timer = 0;
  }

  /** @param {string | undefined} id of the batch */
  follow(id) {
    if (id === this.id) return;
    this.stop();
    this.id = id;
    this.progress.hidden = true;
    if (id) this.load(id);
  }

  stop() {
    clearTimeout(this.timer);
    this.pipeline.stop();
    this.id = undefined;
  }

  /** @param {string} id */
  async load(id) {
    /** @type {BatchDocument | null} */
    let batch = null;
    try {
      batch = await get(batchPath(id));
    } catch (error) {
      const status = statusOf(error) ?? 0;
      if (status >= 400 && status < 500) return;
    }
    if (this.id !== id) return;
    if (batch) this.show(batch);
    if (!batch?.finished) this.timer = setTimeout(() => this.load(id), REFRESH_MS);
  }

  /** @param {BatchDocument} batch */
  show(batch) {
    const { batch_id: id, size, refused, then, finished } = batch;
    const counts = COUNTS.filter((name) => batch[name]).map((name, index) => [
      index > 0 && ", ",
      name === "deleted"
        ? `${format.number(batch.deleted)} deleted`
        : h(
            "a",
            { href: jobsHref({ batch: id, status: name }) },
            `${format.number(batch[name])} ${name}`,
          ),
    ]);
    this.progress.hidden = false;
    this.pipeline.show(batch);
    update(
      this.progress,
      h("progress", {
        max: 1,
        value: fractionEnded(batch),
        "aria-label": "Progress of the batch",
      }),
      h(
        "p",
        {},
        `Batch of ${format.plural(size, "job")}: `,
        counts,
        refused > 0 && `; ${format.number(refused)} more refused`,
        then && ["; then ", h("a", { href: jobHref(then) }, "another job")],
      ),
      !finished &&
        hasRole("submit") &&
        actionButton("Cancel batch", async () => {
          await call("POST", batchPath(id, "/cancel"));
          await this.load(id);
        }),
    );
  }
}
