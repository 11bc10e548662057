// The table of queues. Rows stay and are changed in place, so that the focus and a selection stay.

import { runAction, showMessage } from "../../lib/dialog.js";
import { h, setText, tableHead, update } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { jobsHref } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { changeQueue, openChangeQueueDialog, openNewQueueDialog } from "./queueDialogs.js";

/** @typedef {import("../../types.js").OverviewDocument} OverviewDocument */
/** @typedef {import("../../types.js").QueueDocument} QueueDocument */

const HEADS = ["Queue", "State", "Running", "Waiting", "Longest wait"];

/**
 * Return the queues whose jobs wait in vain: paused queues, and queues that no running worker
 * serves.
 *
 * @param {Pick<OverviewDocument, "queues" | "runners">} overview
 * @returns {{ paused: QueueDocument[], unserved: QueueDocument[] }}
 */
export function blockedQueues({ queues, runners }) {
  const waiting = queues.filter(({ queued }) => queued);
  const ready = runners.filter(({ stale }) => !stale);
  const isServed = (/** @type {QueueDocument} */ { name }) =>
    ready.some((runner) => runner.queues === null || runner.queues.includes(name));
  return {
    paused: waiting.filter(({ paused }) => paused),
    unserved: ready.length ? waiting.filter((queue) => !isServed(queue)) : [],
  };
}

/**
 * Alerts for the queues whose jobs wait in vain.
 *
 * @param {OverviewDocument} overview
 * @returns {import("../../lib/dom.js").Child[]}
 */
export function queueNotices(overview) {
  const { paused, unserved } = blockedQueues(overview);
  return [
    notice("Jobs are waiting in paused queues: ", paused),
    notice("Jobs are waiting in queues that no worker serves: ", unserved),
  ];
}

/**
 * @param {string} text
 * @param {QueueDocument[]} queues
 */
function notice(text, queues) {
  const links = queues.map(({ name }) =>
    h("a", { href: jobsHref({ queue: name, status: "queued" }) }, name),
  );
  return (
    links.length > 0 &&
    h(
      "p",
      { class: "notice", role: "alert" },
      text,
      links.map((link, at) => [at > 0 && ", ", link]),
      ".",
    )
  );
}

/** The section of the queues. `onChange` is called after a change that was made here. */
export class QueuesPanel {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {Map<string, QueueRow>} by the names of the queues */
    this.rows = new Map();
    this.isAdmin = hasRole("admin");
    this.newButton = h("button", { onclick: () => this.create() }, "New queue…");
    this.body = h("tbody");
    const heads = this.isAdmin ? [...HEADS, "Settings"] : HEADS;
    this.element = h(
      "section",
      {},
      h("div", { class: "title-row" }, h("h2", {}, "Queues"), this.isAdmin && this.newButton),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "group", "aria-label": "Queues" },
        h("table", { class: "figures queues" }, tableHead(heads), this.body),
      ),
    );
  }

  /** @param {QueueDocument[]} queues */
  show(queues) {
    const rows = queues.map((queue) => this.rows.get(queue.name) ?? new QueueRow(this, queue));
    this.rows = new Map(queues.map(({ name }, at) => [name, rows[at]]));
    rows.forEach((row, at) => row.update(queues[at]));
    update(
      this.body,
      rows.map((row) => row.element),
    );
  }

  async create() {
    if (await openNewQueueDialog(() => [...this.rows.keys()])) this.onChange();
  }

  /**
   * Let the reader change a queue or delete it. The row of a deleted queue goes with its buttons,
   * so the focus moves to the button for a new queue.
   *
   * @param {QueueDocument} queue
   */
  async change(queue) {
    const outcome = await openChangeQueueDialog(queue);
    if (outcome) this.onChange();
    if (outcome === "deleted") this.newButton.focus();
  }
}

class QueueRow {
  /**
   * @param {QueuesPanel} panel
   * @param {QueueDocument} queue
   */
  constructor(panel, queue) {
    this.panel = panel;
    this.queue = queue;
    this.link = h("a", { href: jobsHref({ queue: queue.name }) }, queue.name);
    this.cells = HEADS.slice(1).map(() => h("td"));
    this.pauseButton = h("button", { onclick: () => this.togglePause() });
    this.changeButton = h(
      "button",
      { onclick: () => panel.change(this.queue), "aria-label": `Change… ${queue.name}` },
      "Change…",
    );
    this.element = h(
      "tr",
      { "data-key": queue.name },
      h("th", { scope: "row" }, this.link),
      this.cells,
      panel.isAdmin &&
        h("td", {}, h("div", { class: "buttons" }, this.pauseButton, this.changeButton)),
    );
  }

  /** @param {QueueDocument} queue */
  update(queue) {
    this.queue = queue;
    const { name, paused } = queue;
    this.cells[0].classList.toggle("queued", paused);
    cellTexts(queue).forEach((text, at) => setText(this.cells[at], text));
    setText(this.pauseButton, paused ? "Resume" : "Pause");
    this.pauseButton.setAttribute("aria-label", `${paused ? "Resume" : "Pause"} ${name}`);
  }

  async togglePause() {
    const { name, paused } = this.queue;
    const isDone = await runAction(this.pauseButton, async () =>
      this.update(await changeQueue(name, { paused: !paused })),
    );
    if (!isDone) return;
    showMessage(paused ? `Queue ${name} resumed.` : `Queue ${name} paused. Running jobs continue.`);
    this.panel.onChange();
  }
}

/**
 * Return the texts of the cells of a queue, in the order of the heads after the name.
 *
 * @param {QueueDocument} queue
 * @returns {string[]}
 */
export function cellTexts({
  paused_at: since,
  max_running: limit,
  running,
  queued,
  queued_is_more: isMore,
  oldest_due_seconds: due,
}) {
  return [
    since === null ? "open" : `paused since ${format.time(since)}`,
    limit === null
      ? format.number(running)
      : `${format.number(running)} of at most ${format.number(limit)}`,
    `${format.number(queued)}${isMore ? "+" : ""}`,
    due === null ? "–" : format.duration(due),
  ];
}
