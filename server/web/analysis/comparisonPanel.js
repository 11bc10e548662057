// What has changed since another analysis, which the reader chooses from the newest ones.

import { h, setText, tableHead, update } from "../lib/dom.js";
import { messageOf } from "../lib/errors.js";
import * as format from "../lib/format.js";
import { get } from "../shared/api.js";
import { jobHref, jobPath, queryOf } from "../shared/links.js";

/** @typedef {import("../types.js").ComparedCountDocument} ComparedCountDocument */
/** @typedef {import("../types.js").ComparisonDocument} ComparisonDocument */
/** @typedef {import("../types.js").JobDocument} JobDocument */

const HEADS = ["Change", "What", "Before", "Now", "Times as frequent", "Chance (p)"];
const CHOICES = 50;
/** @type {Record<string, string>} the look of each change, by class of a status */
const LOOKS = { new: "failed", more: "failed", gone: "canceled", less: "succeeded" };

/** Shows a comparison with the job that the view names in `before`. Call `setJob` first. */
export class ComparisonPanel {
  /** @param {import("./viewState.js").ViewState} view */
  constructor(view) {
    this.view = view;
    /** @type {JobDocument | null} */
    this.job = null;
    /** @type {HTMLSelectElement} */
    this.select = h("select", {
      id: "compare-with",
      onchange: () => this.view.set({ before: this.select.value }),
    });
    this.note = h("p", { class: "quiet", role: "status" });
    this.table = h("div", {
      class: "scroll",
      tabindex: 0,
      role: "group",
      "aria-label": "Changes",
    });
    this.element = h(
      "details",
      { "data-key": "comparison", hidden: true, ontoggle: () => this.offer() },
      h("summary", {}, "Compare with another analysis"),
      h("div", { class: "field" }, h("label", { for: "compare-with" }, "Before"), this.select),
      this.note,
      this.table,
    );
    view.onChange((names) => names.has("before") && this.load());
  }

  /** @param {JobDocument} job that has succeeded */
  setJob(job) {
    if (this.job) return;
    this.job = job;
    this.element.hidden = false;
    if (this.before) {
      this.element.open = true;
      this.load();
    }
  }

  /** The id of the job to compare with; null for none. */
  get before() {
    const given = /** @type {{ job_id?: string } | null} */ (this.job?.payload.compare ?? null);
    return this.view.get("before") ?? given?.job_id ?? null;
  }

  /** Offer the newest analyses, once the section is open. */
  async offer() {
    if (!this.element.open || this.select.options.length || !this.job) return;
    try {
      const query = queryOf({ type: "analyze", status: "succeeded", limit: CHOICES });
      /** @type {import("../types.js").PageDocument} */
      const { items } = await get(`/jobs${query}`);
      const others = items.filter((each) => each.job_id !== this.job?.job_id);
      update(
        this.select,
        h("option", { value: "" }, others.length ? "Choose a job" : "No other analyses"),
        others.map(({ job_id: id, upload, created_at: at }) =>
          h(
            "option",
            { value: id, selected: id === this.before },
            `${upload?.name ?? "no file"}, ${format.time(at)}, ${format.shortId(id)}`,
          ),
        ),
      );
    } catch (error) {
      setText(this.note, messageOf(error));
    }
  }

  async load() {
    const { job, before } = this;
    if (!job) return;
    update(this.table);
    setText(this.note, before ? "Comparing…" : "");
    if (!before) return;
    try {
      const path = jobPath(job.job_id, `/comparison${queryOf({ before })}`);
      const found = /** @type {ComparisonDocument} */ (await get(path));
      if (before === this.before) this.show(found);
    } catch (error) {
      setText(this.note, messageOf(error));
    }
  }

  /** @param {ComparisonDocument} found */
  show({ before, counts, not_compared: others }) {
    const changed = counts.filter(({ significant }) => significant);
    const all = format.plural(counts.length, "figure");
    update(
      this.note,
      changed.length
        ? `${changed.length} of ${all} changed significantly since `
        : `None of ${all} changed significantly since `,
      h("a", { href: jobHref(before.job_id) }, before.name ?? format.shortId(before.job_id)),
      others.length > 0 && `. Not in both: ${others.join(", ")}`,
      ".",
    );
    if (!changed.length) return;
    update(
      this.table,
      h("table", { class: "figures" }, tableHead(HEADS), h("tbody", {}, changed.map(changeRow))),
    );
  }
}

/** @param {ComparedCountDocument} count */
function changeRow({
  change,
  kind,
  field,
  name,
  before,
  after,
  before_is_bound: isMostBefore,
  after_is_bound: isMostAfter,
  ratio,
  p,
}) {
  const number = (/** @type {number} */ value, /** @type {boolean} */ isMost) =>
    `${isMost ? "at most " : ""}${format.number(value)}`;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span", { class: `badge ${LOOKS[change] ?? "queued"}` }, change)),
    h("td", { class: "name" }, `${field ?? kind}: ${name}`),
    h("td", {}, number(before, isMostBefore)),
    h("td", {}, number(after, isMostAfter)),
    h("td", {}, ratio === null ? "–" : format.rough(ratio)),
    h("td", {}, p < 0.0001 ? "below 0.0001" : format.rough(p)),
  );
}
