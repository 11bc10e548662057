// The queues, as a table. Rows are kept and changed in place, so the focus and a selection stay.

import { attempt, tell } from "../../lib/dialog.js";
import { h, put, setText } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { may } from "../../shared/session.js";
import { changeQueue, newQueue, putQueue } from "./queueDialogs.js";

const HEADS = ["Queue", "State", "Running", "Waiting", "Longest due"];

/** The list of the jobs of a queue. */
export const queueHref = (name, more = "") => `/ui/jobs?queue=${encodeURIComponent(name)}${more}`;

/** What is to be told of queues in which jobs wait, and do so in vain. */
export function queueNotices({ queues, runners }) {
  const waiting = queues.filter(({ queued }) => queued);
  const paused = waiting.filter((queue) => queue.paused);
  const takes = ({ queues: taken }, name) => taken === null || taken.includes(name);
  const alone = waiting.filter(({ name }) => runners.length && !runners.some((runner) => takes(runner, name)));
  return [notice("Jobs wait in queues that are paused: ", paused),
    notice("Jobs wait in queues that no worker looks at: ", alone)];
}

function notice(text, queues) {
  const links = queues.map(({ name }) => h("a", { href: queueHref(name, "&status=queued") }, name));
  return links.length > 0 && h("p", { class: "notice", role: "alert" }, text, links.flatMap((link, at) => [at ? ", " : null, link]), ".");
}

/** A section for them; `onChange` is called when something was changed here. */
export class QueuesPanel {
  constructor(onChange) {
    Object.assign(this, { onChange, rows: new Map() });
    this.isAdmin = may("admin");
    this.add = this.isAdmin && h("button", { onclick: () => this.make() }, "New queue…");
    this.body = h("tbody");
    const heads = this.isAdmin ? [...HEADS, "Settings"] : HEADS;
    this.element = h("section", {},
      h("div", { class: "title-row" }, h("h2", {}, "Queues"), this.add),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Queues" },
        h("table", { class: "figures queues" },
          h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), this.body)));
  }

  show(queues) {
    const before = [...this.rows.keys()].join();
    const rows = queues.map((queue) => this.rows.get(queue.name) ?? new QueueRow(this));
    this.rows = new Map(queues.map(({ name }, at) => [name, rows[at]]));
    rows.forEach((row, at) => row.update(queues[at]));
    if ([...this.rows.keys()].join() === before) return;
    const focused = document.activeElement;
    put(this.body, rows.map((row) => row.element));
    if (focused.isConnected) focused.focus({ preventScroll: true });
  }

  async make() {
    if (await newQueue(() => [...this.rows.keys()])) this.onChange();
  }

  /** Of a queue that was deleted, the buttons go, too. */
  async change(queue) {
    const outcome = await changeQueue(queue);
    if (outcome) this.onChange();
    if (outcome === "deleted") this.add.focus();
  }
}

class QueueRow {
  constructor(panel) {
    this.panel = panel;
    this.link = h("a", {});
    this.cells = HEADS.slice(1).map(() => h("td"));
    this.element = h("tr", {}, h("th", { scope: "row" }, this.link), this.cells, panel.isAdmin && h("td", {}, this.buttons(panel)));
  }

  buttons(panel) {
    this.pause = h("button", { onclick: () => this.turn() });
    this.change = h("button", { onclick: () => panel.change(this.queue) }, "Change…");
    return h("div", { class: "buttons" }, this.pause, this.change);
  }

  update(queue) {
    this.queue = queue;
    const { name, paused } = queue;
    setText(this.link, name);
    this.link.href = queueHref(name);
    this.cells[0].classList.toggle("queued", paused);
    textsOf(queue).forEach((text, at) => setText(this.cells[at], text));
    if (!this.pause) return;
    setText(this.pause, paused ? "Resume" : "Pause");
    this.pause.setAttribute("aria-label", `${paused ? "Resume" : "Pause"} ${name}`);
    this.change.setAttribute("aria-label", `Change… ${name}`);
  }

  /** Pause it, or end the pause. */
  async turn() {
    const { name, paused } = this.queue;
    const done = await attempt(this.pause, async () => this.update(await putQueue(name, { paused: !paused })));
    if (document.activeElement === document.body) this.pause.focus(); // it lost the focus while it was off
    if (!done) return;
    tell(paused ? `Queue ${name} goes on.` : `Queue ${name} paused; jobs that run are left alone.`);
    this.panel.onChange();
  }
}

/** The state of a queue in words, a cell each. */
function textsOf({ paused_at: since, max_running: most, running, queued, queued_is_more: isMore, oldest_due_seconds: due }) {
  return [
    since === null ? "open" : `paused since ${format.time(since)}`,
    most === null ? format.number(running) : `${format.number(running)} of at most ${format.number(most)}`,
    `${format.number(queued)}${isMore ? "+" : ""}`,
    due === null ? "–" : format.duration(due),
  ];
}
