// The lines of the stored file: those of a range of time, those that match a text or a regex, or
// those around one line.

import { h, replaceChildren, setText } from "../lib/dom.js";
import { describeErrors, fieldErrorsOf, messageOf } from "../lib/errors.js";
import * as format from "../lib/format.js";
import { fromInput, stamp, toInput, ZONES } from "../lib/timeZone.js";
import { get } from "../shared/api.js";
import { jobHref, jobPath, queryOf } from "../shared/links.js";

/** @typedef {import("../types.js").LineDocument} LineDocument */
/** @typedef {import("../types.js").LinesDocument} LinesDocument */
/** @typedef {import("./viewState.js").ViewState} ViewState */

const PAGE = 50;
const LINES_ID = "lines";
const AROUND = 10; // lines before a line that a link leads to
/** The values of the view that choose lines. */
const KINDS = ["level", "status"];
const CHOICES = ["from", "to", "match", "regex", ...KINDS];
const NAMES = [...CHOICES, "ignore_case", "line", "context"];

/**
 * Return the query of the lines that a view shows; null if it shows none.
 *
 * @param {(name: string) => string | null} value returns a value of the view
 * @returns {Record<string, string> | null}
 */
export function linesQuery(value) {
  const line = Number(value("line"));
  if (line > 0) return { line: String(Math.max(1, line - AROUND)) };
  const chosen = CHOICES.filter((name) => value(name));
  if (!chosen.length) return null;
  const query = Object.fromEntries(chosen.map((name) => [name, value(name) ?? ""]));
  const context = value("context");
  const isMatch = query.match || query.regex || query.level || query.status;
  return {
    ...query,
    ...(isMatch && value("ignore_case") ? { ignore_case: "true" } : {}),
    ...(isMatch && context ? { before: context, after: context } : {}),
  };
}

/**
 * Cut a text at the ends of its matches. Matches count characters, of which some are two units of a
 * string in JavaScript.
 *
 * @param {string} text
 * @param {[start: number, end: number][]} matches in order, without overlaps
 * @returns {{ text: string, isMatch: boolean }[]}
 */
export function pieces(text, matches) {
  const characters = Array.from(text);
  const cut = (/** @type {number} */ from, /** @type {number} */ to) =>
    characters.slice(from, to).join("");
  let end = 0;
  const found = matches.flatMap(([from, to]) => {
    const both = [
      { text: cut(end, from), isMatch: false },
      { text: cut(from, to), isMatch: true },
    ];
    end = to;
    return both;
  });
  return [...found, { text: cut(end, characters.length), isMatch: false }].filter(
    ({ text: each }) => each,
  );
}

/** Scroll to the lines, for a choice that was made below them. */
export function scrollToLines() {
  document.getElementById(LINES_ID)?.scrollIntoView({ block: "start" });
}

/** Shows the lines that the view chooses. Call `setJob` first. */
export class LinesPanel {
  /** @param {ViewState} view */
  constructor(view) {
    this.view = view;
    this.id = "";
    this.serial = 0; // of the newest request; an answer to an earlier one is dropped
    /** @type {string | null} */
    this.cursor = null;
    this.last = 0; // the number of the last line that is shown
    this.form = h("form", { class: "filters lines-form", onsubmit: (event) => this.submit(event) });
    this.note = h("p", { class: "quiet", role: "status" });
    this.list = h("ol", { class: "lines", tabindex: 0, "aria-label": "Lines of the file" });
    this.more = h("button", { hidden: true, onclick: () => this.load() }, "More lines");
    this.list.addEventListener("click", (event) => this.openLine(event));
    this.list.addEventListener("scroll", () => this.onScroll());
    this.element = h(
      "section",
      { "data-key": "lines", hidden: true },
      h("h2", { id: LINES_ID }, "Lines"),
      this.form,
      this.note,
      this.list,
      h("div", { class: "buttons" }, this.more),
    );
    view.onChange((names) => {
      if (names.has("zone") || NAMES.some((name) => names.has(name))) this.start();
    });
  }

  /**
   * Show lines of the file of this job.
   *
   * @param {string} id
   */
  setJob(id) {
    if (this.id === id) return;
    this.id = id;
    this.element.hidden = false;
    this.start();
  }

  /** Load the lines that the view chooses now. */
  start() {
    if (!this.id) return;
    this.showForm();
    this.serial++;
    this.cursor = null;
    this.last = 0;
    this.more.hidden = true;
    replaceChildren(this.list);
    this.list.hidden = true;
    if (linesQuery((name) => this.view.get(name))) this.load();
    else setText(this.note, "Choose a range in the chart, a pattern, or a text.");
  }

  showForm() {
    const { view } = this;
    const value = (/** @type {string} */ name) => view.get(name) ?? "";
    const field = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {import("../lib/dom.js").Properties} */ input,
    ) =>
      h(
        "div",
        { class: "field" },
        h("label", { for: `lines-${name}` }, label),
        h("input", { id: `lines-${name}`, name, ...input }),
      );
    const box = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {boolean} */ checked,
    ) => h("label", { class: "box" }, h("input", { type: "checkbox", name, checked }), label);
    const times = { type: "datetime-local", step: 1 };
    const zone = ZONES[view.zone];
    replaceChildren(
      this.form,
      field("text", "Lines with", {
        type: "search",
        value: value("regex") || value("match"),
        placeholder: "all lines",
      }),
      box("is_regex", "regex", Boolean(value("regex"))),
      box("ignore_case", "ignore case", Boolean(value("ignore_case"))),
      field("from", `From (${zone})`, { ...times, value: toInput(view.get("from"), view.zone) }),
      field("to", `To (${zone})`, { ...times, value: toInput(view.get("to"), view.zone) }),
      field("context", "Lines around", {
        type: "number",
        min: 0,
        max: 20,
        value: value("context"),
        placeholder: "0",
      }),
      KINDS.filter(value).map((name) =>
        h(
          "button",
          {
            type: "button",
            title: `Show lines of every ${name}`,
            onclick: () => view.set({ [name]: null }, true),
          },
          `${name} ${value(name)} ×`,
        ),
      ),
      h("button", {}, "Show"),
      linesQuery((name) => view.get(name)) &&
        h("button", { type: "button", class: "plain", onclick: () => this.clear() }, "Clear"),
    );
  }

  clear() {
    this.view.set(
      { ...Object.fromEntries(NAMES.map((name) => [name, null])), template: null },
      true,
    );
  }

  /** @param {SubmitEvent} event */
  submit(event) {
    event.preventDefault();
    const data = new FormData(this.form);
    const text = String(data.get("text"));
    const isRegex = data.has("is_regex");
    this.view.set(
      {
        match: isRegex ? null : text,
        regex: isRegex ? text : null,
        ignore_case: data.has("ignore_case") ? "true" : null,
        from: fromInput(String(data.get("from")), this.view.zone),
        to: fromInput(String(data.get("to")), this.view.zone),
        context: String(data.get("context")),
        line: null,
        template: null,
      },
      true,
    );
  }

  /** Load the next lines. */
  async load() {
    const serial = ++this.serial;
    const query = linesQuery((name) => this.view.get(name));
    if (!query) return;
    this.more.disabled = true;
    if (!this.last) setText(this.note, "Searching…");
    try {
      const page = { ...query, limit: PAGE, ...(this.cursor ? { cursor: this.cursor } : {}) };
      /** @type {LinesDocument} */
      const found = await get(jobPath(this.id, `/lines${queryOf(page)}`));
      if (serial === this.serial) this.add(found);
    } catch (error) {
      if (serial !== this.serial) return;
      setText(this.note, describeErrors(fieldErrorsOf(error)) || messageOf(error));
    } finally {
      this.more.disabled = false;
    }
  }

  /** @param {LinesDocument} found */
  add({ lines, next, problem }) {
    this.cursor = next;
    this.more.hidden = next === null;
    const isFirst = !this.last;
    this.list.hidden = isFirst && !lines.length;
    const hasContext = lines.some(({ context }) => context);
    for (const line of lines) {
      this.list.append(this.item(line, hasContext && this.last > 0 && line.line > this.last + 1));
      this.last = line.line;
    }
    const count = this.list.children.length;
    // A page ends after two seconds: it may have no lines although the file has more to search.
    if (!lines.length && next) return void this.load();
    const found = count ? `${format.plural(count, "line")}${next ? ", and more below" : ""}` : "";
    const zone = ZONES[this.view.zone];
    const shown = found && lines.some(({ time }) => time) ? `${found} · times in ${zone}` : found;
    setText(this.note, problem ?? (shown || "No such lines."));
    if (isFirst) {
      this.list.scrollTop = 0;
      this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    }
  }

  /**
   * @param {LineDocument} line
   * @param {boolean} isAfterGap
   */
  item({ line, time, text, matches, member, member_line, context, truncated }, isAfterGap) {
    const isCurrent = String(line) === this.view.get("line");
    const href = jobHref(this.id) + this.view.query({ line: String(line) });
    const classes = [context && "context", isAfterGap && "gap"].filter(Boolean).join(" ");
    return h(
      "li",
      { class: classes || null, "aria-current": isCurrent && "true" },
      h("a", { href, title: "Lines around this line" }, String(line)),
      time &&
        h("time", { datetime: time }, stamp(Math.floor(Date.parse(time) / 1000), this.view.zone)),
      member && h("span", { class: "member" }, `${member}:${member_line}`),
      h(
        "code",
        {},
        pieces(text, matches).map(({ text: each, isMatch }) =>
          isMatch ? h("mark", {}, each) : each,
        ),
        truncated && " …",
      ),
    );
  }

  /** Follow the link of a line without loading the page again. @param {MouseEvent} event */
  openLine(event) {
    const link = event.target instanceof Element && event.target.closest("a");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.view.set({ line: link.textContent }, true);
  }

  onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const isNearEnd = scrollHeight - scrollTop - clientHeight < clientHeight;
    if (isNearEnd && this.cursor && !this.more.disabled) this.load();
  }
}
