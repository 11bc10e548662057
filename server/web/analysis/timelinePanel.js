// The chart of an analysis over time, its bursts, and the same figures as a table.

import { actionButton } from "../lib/dialog.js";
import { h, setText, tableHead, update } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { TimeChart } from "../lib/timeChart.js";
import { stamp, stampOf, toRfc3339, zoneName, ZONES } from "../lib/timeZone.js";
import { colorOf, swatch, TOTAL_COLOR } from "./colors.js";
import { scrollToLines } from "./linesPanel.js";
import { ALL_LINES, keyOf, linesOf, templateRegex } from "./patterns.js";
import { unitOf } from "./patternsPanel.js";
import { burstsOf, STACKS, timelineOf } from "./timeline.js";

/** @typedef {import("../lib/timeChart.js").ChartSeries} ChartSeries */
/** @typedef {import("../lib/timeChart.js").Range} Range */
/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("./timeline.js").Burst} Burst */
/** @typedef {import("./timeline.js").Stack} Stack */
/** @typedef {import("./timeline.js").Timeline} Timeline */

const MOST_SERIES = 20;
const MOST_BURSTS = 8;

/**
 * Analyzes a range of the file alone. The times are in RFC 3339.
 *
 * @typedef {(from: string, until: string) => Promise<void>} AskRange
 */

/** Shows lines over time; hidden if the result has none. A chosen range goes into the view. */
export class TimelinePanel {
  /**
   * @param {import("./viewState.js").ViewState} view
   * @param {AskRange} ask
   */
  constructor(view, ask) {
    this.view = view;
    this.canAsk = false;
    /** @type {import("../types.js").Pattern[]} */
    this.patterns = [];
    /** @type {Timeline | null} */
    this.timeline = null;
    /** @type {Analysis | null} */
    this.analysis = null;
    /** @type {(ChartSeries & { key: string })[]} */
    this.series = [];
    /** @type {string | null} what the panel shows: "complete", or the text of a partial result */
    this.shown = null;
    this.head = h("div", { class: "title-row" });
    this.caption = h("p", { class: "quiet" });
    this.chart = new TimeChart(
      (range) => this.choose(range),
      (bin) => setText(this.readout, bin === null ? this.rangeText() : this.binText(bin)),
    );
    this.readout = h("p", { class: "readout" });
    this.narrow = actionButton("Analyze this range alone", () => {
      const [from, until] = (this.range ?? [0, 0]).map(toRfc3339);
      return ask(from, until);
    });
    this.legend = h("ul", { class: "legend" });
    this.bursts = h("div", {});
    this.table = h("div", {
      class: "scroll tall",
      tabindex: 0,
      role: "group",
      "aria-label": "Figures",
    });
    this.details = h(
      "details",
      { ontoggle: () => this.showTable() },
      h("summary", {}, "The figures as a table"),
      this.table,
    );
    this.element = h(
      "section",
      { hidden: true, "data-key": "timeline" },
      this.head,
      this.caption,
      this.chart.element,
      this.readout,
      this.narrow,
      this.legend,
      this.bursts,
      this.details,
    );
    view.onChange((names) => this.onChange(names));
  }

  stop() {
    this.chart.stop();
  }

  /** What is counted: "line" or "record". */
  get unit() {
    return unitOf(this.analysis?.counted);
  }

  /**
   * @param {Analysis | null} analysis
   * @param {boolean} canAsk whether the reader may analyze a range alone
   * @param {import("../types.js").Pattern[]} patterns
   */
  show(analysis, canAsk, patterns) {
    this.canAsk = canAsk;
    this.patterns = patterns;
    // A complete result never changes, and takes long to write as text.
    const isComplete = Boolean(analysis?.file);
    const { timeline, counts } = analysis ?? {};
    const shown = isComplete ? "complete" : JSON.stringify([timeline, counts]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.analysis = analysis;
    this.timeline = analysis && timelineOf(analysis);
    this.draw();
  }

  /** @param {Set<string>} names */
  onChange(names) {
    if (["zone", "by", "template", "color"].some((name) => names.has(name))) this.draw();
    else if (names.has("from") || names.has("to")) {
      this.chart.select(this.range);
      this.showRange();
    }
  }

  /** The chosen range of time; null without one. @returns {Range | null} */
  get range() {
    const [from, to] = ["from", "to"].map((name) => Date.parse(this.view.get(name) ?? "") / 1000);
    const { start, step, bins } = this.timeline ?? { start: 0, step: 0, bins: 0 };
    if (Number.isNaN(from) && Number.isNaN(to)) return null;
    return [from || start, to || start + step * bins];
  }

  /** What the columns stand for. @returns {Stack} */
  get stack() {
    const there = STACKS.filter((name) => Object.keys(this.timeline?.stacks[name] ?? {}).length);
    const wanted = /** @type {Stack} */ (this.view.get("by"));
    return there.includes(wanted) ? wanted : (there[0] ?? "patterns");
  }

  draw() {
    const timeline = this.timeline;
    this.element.hidden = !timeline;
    if (!timeline) return;
    const { start, step, bins, total, undated, outside = 0 } = timeline;
    this.series = this.seriesOf(timeline);
    const bursts = this.burstsOf(timeline);
    const line = total && { name: `all ${this.unit}s`, color: TOTAL_COLOR, values: total };
    update(this.head, h("h2", {}, "Over time"), h("div", { class: "buttons" }, this.switches()));
    const notes = [
      `${this.unit === "line" ? "Lines" : "Records"} per ${format.duration(step)}`,
      `times in ${zoneName(this.view.zone, start)}`,
      total && `the line shows all ${this.unit}s, with its scale at the right`,
      undated > 0 && `${format.plural(undated, this.unit)} without a time`,
      outside > 0 && `${format.plural(outside, this.unit)} far outside of this time`,
    ];
    setText(this.caption, `${notes.filter(Boolean).join(" · ")}.`);
    const marks = bursts.map(({ from, until }) => /** @type {Range} */ ([from, until]));
    const { series, range: selected } = this;
    this.chart.show({ start, step, bins, series, line, marks, selected, zone: this.view.zone });
    this.showRange();
    update(this.legend, [...series, ...(line ? [line] : [])].map(legendItem));
    update(this.bursts, this.burstList(bursts));
    this.showTable();
  }

  /**
   * Return the series of the chart, those with the most lines at the bottom.
   *
   * @param {Timeline} timeline
   */
  seriesOf({ stacks }) {
    const stack = this.stack;
    const only = stack === "templates" ? this.view.get("template") : null;
    const colors = this.view.colors;
    const templates = new Map(this.analysis?.overview?.templates?.map((each) => [each.id, each]));
    const all = Object.entries(stacks[stack] ?? {}).map(([key, values], at) => ({
      key,
      name: templates.get(key)?.template ?? key,
      color: colorOf(key, at, colors),
      values,
    }));
    return all
      .filter(({ key }) => !only || only === key)
      .sort((a, b) => sum(b.values) - sum(a.values))
      .slice(0, MOST_SERIES);
  }

  /**
   * Return the bursts that the service has found, or those of the shown series.
   *
   * @param {Timeline} timeline
   */
  burstsOf(timeline) {
    const kind = { levels: "level", statuses: "status", templates: "template", patterns: "" };
    const found = this.analysis?.overview?.bursts?.filter((each) => each.kind === kind[this.stack]);
    const names = new Map(this.series.map(({ key, name }) => [key, name]));
    const bursts = found?.length
      ? found
          .filter(({ key }) => names.has(key))
          .map(({ key, from, until, count, expected }) => ({
            key,
            name: names.get(key) ?? key,
            from: Date.parse(from) / 1000,
            until: Date.parse(until) / 1000,
            count,
            expected,
          }))
      : this.series.flatMap((each) => burstsOf(each, each.values, timeline));
    return bursts.sort((a, b) => b.count - a.count).slice(0, MOST_BURSTS);
  }

  switches() {
    const { stack, view, timeline } = this;
    const stacks = STACKS.filter((name) => Object.keys(timeline?.stacks[name] ?? {}).length);
    const option = (
      /** @type {string} */ value,
      /** @type {string} */ text,
      /** @type {string} */ now,
    ) => h("option", { value, selected: value === now }, text);
    const select = (/** @type {string} */ name, /** @type {HTMLElement[]} */ options) =>
      h("select", { onchange: changed(view, name), id: `view-${name}` }, options);
    return [
      stacks.length > 1 && [
        h("label", { for: "view-by" }, "Columns"),
        select(
          "by",
          stacks.map((each) => option(each, each, stack)),
        ),
      ],
      h("label", { for: "view-zone" }, "Times"),
      select(
        "zone",
        Object.entries(ZONES).map(([zone, text]) => option(zone, text, view.zone)),
      ),
    ];
  }

  /** @param {Burst[]} bursts */
  burstList(bursts) {
    if (!bursts.length) return null;
    return [
      h("h3", {}, `Bursts (${zoneName(this.view.zone, bursts[0].from)})`),
      h(
        "ul",
        { class: "bursts" },
        bursts.map((burst) =>
          h(
            "li",
            {},
            h(
              "button",
              { class: "plain", onclick: () => this.showBurst(burst) },
              `${burst.name}: ${this.rangeOf([burst.from, burst.until])}`,
            ),
            h(
              "span",
              { class: "quiet" },
              `${format.plural(burst.count, this.unit)}, usually ${format.rough(burst.expected)} per ${format.duration(this.timeline?.step ?? 0)}`,
            ),
          ),
        ),
      ),
    ];
  }

  /** Fill the table while it is open: it has a cell for each figure. */
  showTable() {
    const { timeline, series } = this;
    if (!timeline || !this.details.open) return void update(this.table);
    const { start, step, bins, total } = timeline;
    const heads = [
      "From",
      ...series.map(({ name }) => name),
      ...(total ? [`All ${this.unit}s`] : []),
    ];
    const row = (/** @type {number} */ bin) => {
      const from = start + bin * step;
      const choose = () => this.choose([from, from + step]);
      const text = stampOf(from, step, this.view.zone);
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, h("button", { class: "plain", onclick: choose }, text)),
        series.map(({ values }) => h("td", {}, format.number(values[bin]))),
        total && h("td", {}, format.number(total[bin])),
      );
    };
    const rows = Array.from({ length: bins }, (_, bin) => row(bin));
    update(this.table, h("table", { class: "figures" }, tableHead(heads), h("tbody", {}, rows)));
  }

  /**
   * @param {Range} range
   * @param {import("./viewState.js").Changes} [others]
   */
  choose([from, until], others = {}) {
    this.view.set({ from: toRfc3339(from), to: toRfc3339(until), line: null, ...others }, true);
  }

  /** Show the lines of a burst, and no others. @param {Burst} burst */
  showBurst({ key, name, from, until }) {
    const pattern = this.patterns.find((each) => keyOf(each) === key);
    const lines = {
      levels: { level: key },
      statuses: { status: key },
      templates: { regex: templateRegex(name) },
      patterns: pattern && linesOf(pattern),
    }[this.stack];
    this.choose([from, until], { ...ALL_LINES, ...lines });
    scrollToLines();
  }

  /** @param {Range} range */
  rangeOf([from, until]) {
    const { zone } = this.view;
    const end = stamp(until, zone);
    const start = stamp(from, zone);
    return `${start} to ${end.slice(0, 10) === start.slice(0, 10) ? end.slice(11) : end}`;
  }

  showRange() {
    setText(this.readout, this.rangeText());
    this.narrow.hidden = !this.canAsk || !this.range;
  }

  rangeText() {
    const range = this.range;
    return range
      ? `Chosen: ${this.rangeOf(range)}`
      : "Drag over a range, or click a column, to see its lines.";
  }

  /** @param {number} bin */
  binText(bin) {
    const { start, step, total } = this.timeline ?? { start: 0, step: 0, total: null };
    const from = start + bin * step;
    const counts = this.series
      .filter(({ values }) => values[bin])
      .map(({ name, values }) => `${name} ${format.number(values[bin])}`);
    const all = total ? [`all ${this.unit}s ${format.number(total[bin])}`] : [];
    return [this.rangeOf([from, from + step]), ...counts, ...all].join(" · ");
  }
}

/** @param {number[]} values */
const sum = (values) => values.reduce((all, value) => all + value, 0);

/**
 * @param {import("./viewState.js").ViewState} view
 * @param {string} name
 */
const changed =
  (view, name) =>
  (/** @type {Event} */ { currentTarget }) =>
    view.set({ [name]: /** @type {HTMLSelectElement} */ (currentTarget).value });

/** @param {ChartSeries} series */
const legendItem = ({ name, color, values }) =>
  h("li", {}, swatch(color), name, h("span", { class: "quiet" }, ` ${format.number(sum(values))}`));
