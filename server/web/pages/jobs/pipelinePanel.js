// Draws which job of a batch waits for which, and follows their statuses.

import { h, svg, update } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { get } from "../../shared/api.js";
import { batchPath, jobHref, jobsHref } from "../../shared/links.js";
import { STATUSES } from "../../shared/status.js";
import { MOST_STEPS, stepsOf } from "./pipelineLayout.js";

/** @typedef {import("../../types.js").PipelineDocument} PipelineDocument */
/** @typedef {import("../../types.js").BatchDocument} BatchDocument */
/** @typedef {import("../../types.js").Status} Status */
/** @typedef {import("./pipelineLayout.js").Step} Step */

const REFRESH_MS = 2000;
const LOAD_FACTOR = 20; // a pipeline that takes long to load is loaded less often
const [WIDTH, HEIGHT, ACROSS, DOWN] = [170, 48, 60, 12]; // of a step, and between steps, in px

/** The pipeline of a batch. Hidden without a batch, and if no job waits for another. */
export class PipelinePanel {
  constructor() {
    this.body = h("div", { class: "pipeline-body" });
    this.element = h("details", { class: "pipeline", hidden: true }, [
      h("summary", {}, "Which job waits for which"),
      this.body,
    ]);
    this.element.addEventListener("toggle", () => this.loadSoon(0));
    /** @type {BatchDocument | null} */
    this.batch = null;
    this.timer = 0;
    this.isLoading = false;
  }

  /** @param {BatchDocument} batch what is known of the batch now; call it with each change */
  show(batch) {
    const isNew = this.batch?.batch_id !== batch.batch_id;
    this.batch = batch;
    if (isNew) {
      this.element.hidden = batch.size <= MOST_STEPS; // a small one is shown once it is known
      this.element.open = batch.size <= MOST_STEPS;
      update(this.body);
      this.loadSoon(0);
    }
  }

  stop() {
    clearTimeout(this.timer);
    this.batch = null;
    this.element.hidden = true;
  }

  /** @param {number} ms */
  loadSoon(ms) {
    clearTimeout(this.timer);
    if (this.batch && this.element.open) this.timer = setTimeout(() => this.load(), ms);
  }

  async load() {
    const { batch } = this;
    if (!batch || this.isLoading) return;
    const began = performance.now();
    this.isLoading = true;
    try {
      /** @type {PipelineDocument} */
      const pipeline = await get(batchPath(batch.batch_id, "/pipeline"));
      if (this.batch?.batch_id === batch.batch_id) this.draw(pipeline);
    } catch (error) {
      this.element.hidden = false;
      update(this.body, h("p", { class: "quiet" }, messageOf(error)));
    } finally {
      this.isLoading = false;
    }
    const isCurrent = this.batch?.batch_id === batch.batch_id;
    const wait = Math.max(REFRESH_MS, LOAD_FACTOR * (performance.now() - began));
    if (!isCurrent) this.loadSoon(0);
    else if (!batch.finished) this.loadSoon(wait);
  }

  /** @param {PipelineDocument} pipeline */
  draw(pipeline) {
    const all = stepsOf(pipeline);
    const steps = all.slice(0, MOST_STEPS);
    const isLarge = pipeline.jobs.length > MOST_STEPS;
    const more = all.length - steps.length;
    this.element.hidden = !steps.length && !isLarge;
    if (!steps.length) {
      update(this.body, h("p", { class: "quiet" }, "No job waits for another one."));
      return;
    }
    update(
      this.body,
      isLarge && h("p", { class: "quiet" }, "Jobs of one type in one layer are drawn as a group."),
      graph(steps, pipeline.batch_id),
      more > 0 && h("p", { class: "quiet" }, `${format.plural(more, "more step")} not drawn.`),
    );
  }
}

/**
 * @param {Step[]} steps
 * @param {string} batchId
 */
function graph(steps, batchId) {
  const places = new Map(steps.map((step) => [step.key, step]));
  const width = Math.max(...steps.map(({ layer }) => x(layer) + WIDTH));
  const height = Math.max(...steps.map(({ row }) => y(row) + HEIGHT));
  const lines = steps.flatMap((step) =>
    step.after.map((key) => line(/** @type {Step} */ (places.get(key)), step)),
  );
  const style = { width: `${width}px`, height: `${height}px` };
  return h(
    "div",
    {
      class: "pipeline-graph",
      tabindex: 0,
      role: "region",
      "aria-label": "Pipeline",
    },
    h(
      "div",
      { style },
      svg("svg", { width, height, "aria-hidden": "true" }, lines),
      h(
        "ul",
        {},
        steps.map((step) => box(step, places, batchId)),
      ),
    ),
  );
}

/** @param {number} layer */
const x = (layer) => layer * (WIDTH + ACROSS);
/** @param {number} row */
const y = (row) => row * (HEIGHT + DOWN);

/**
 * @param {Step} from
 * @param {Step} to
 */
function line(from, to) {
  const [x1, y1] = [x(from.layer) + WIDTH, y(from.row) + HEIGHT / 2];
  const [x2, y2] = [x(to.layer), y(to.row) + HEIGHT / 2];
  const middle = x2 - ACROSS / 2;
  const d = `M${x1} ${y1} H${middle - ACROSS / 4} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  return svg("path", { d, class: to.isLast ? "last" : "" });
}

/**
 * @param {Step} step
 * @param {Map<string, Step>} places
 * @param {string} batchId
 */
function box(step, places, batchId) {
  const { jobs, label, layer, row } = step;
  const state = stateOf(step);
  const isGroup = jobs.length > 1;
  const text = isGroup ? `${format.number(jobs.length)} × ${label}` : label;
  const names = step.after.map((key) => places.get(key)?.label ?? "").join(", ");
  const waits = step.isLast ? "; after all others" : names && `; after ${names}`;
  const href = isGroup ? jobsHref({ batch: batchId, type: jobs[0].type }) : jobHref(jobs[0].job_id);
  return h(
    "li",
    {
      style: { left: `${x(layer)}px`, top: `${y(row)}px` },
      "data-key": step.key,
    },
    h(
      "a",
      {
        class: `step ${state.status}`,
        href,
        title: text,
        "aria-label": `${text}: ${state.text}${waits}`,
      },
      h("span", { class: "step-name" }, text),
      h("span", { class: "step-state" }, state.text),
    ),
  );
}

/**
 * Return the status by which a step is colored, and the statuses of its jobs in words.
 *
 * @param {Step} step
 * @returns {{ status: Status, text: string }}
 */
function stateOf({ jobs }) {
  /** @type {Map<Status, number>} */
  const counts = new Map();
  for (const { status } of jobs) counts.set(status, (counts.get(status) ?? 0) + 1);
  const found = STATUSES.filter((status) => counts.has(status));
  /** @type {Status[]} */
  const order = ["failed", "running", "queued", "canceled", "succeeded"];
  const status = order.find((each) => counts.has(each)) ?? "queued";
  const words = found.map((each) => `${format.number(counts.get(each) ?? 0)} ${each}`);
  return { status, text: jobs.length > 1 ? words.join(", ") : status };
}
