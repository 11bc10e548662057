// The fields of a form that say when a schedule fires. Common times need no cron expression.

import { h, replaceChildren } from "../../lib/dom.js";
import { Field, showErrors } from "../../lib/field.js";
import { choicesOf, timesOf, UNITS, WEEKDAYS } from "./times.js";

/** @typedef {import("../../lib/dom.js").Properties} Properties */
/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("./times.js").Kind} Kind */
/** @typedef {import("./times.js").Times} Times */

/** @type {[kind: Kind, text: string][]} */
const KINDS = [
  ["daily", "every day"],
  ["weekly", "every week"],
  ["every", "at an interval"],
  ["cron", "at the times of a cron expression"],
];
const CRON_HINT = "Minute, hour, day, month and weekday, such as 30 2 * * 1-5; or @hourly.";
const NEW = { cron: "0 2 * * *", every: null };

/** Fields for the times. Only those of the chosen kind are shown. */
export class TimeFields {
  /** @param {Times | null} times null for those of a new schedule */
  constructor(times) {
    const chosen = choicesOf(times ?? NEW);
    this.zones = h("datalist", { id: "zones" });
    this.kind = select("kind", "Fires", KINDS, chosen.kind, "");
    this.count = text("every", "Every", { type: "number", min: 1, step: 1, value: chosen.count });
    this.unit = select("unit", "Unit", Object.entries(UNITS), chosen.unit, "");
    this.weekday = select("weekday", "On", Object.entries(WEEKDAYS), chosen.weekday, "");
    this.time = text("cron", "At", { id: "schedule-time", type: "time", value: chosen.time });
    this.cron = text("cron", "Cron", { value: chosen.cron, spellcheck: "false" }, CRON_HINT);
    this.zone = text(
      "timezone",
      "Time zone",
      { list: "zones", value: times?.timezone ?? localZone(), spellcheck: "false" },
      "The clock that counts, such as UTC or Europe/Berlin.",
    );
    this.element = h("div", { class: "fields" });
    this.kind.input.addEventListener("change", () => this.show());
    this.show();
    this.zone.input.addEventListener("focus", () => this.offerZones(), { once: true });
  }

  show() {
    replaceChildren(
      this.element,
      this.fields().map(({ element }) => element),
      this.zones,
    );
    for (const field of this.fields()) field.input.required = true;
  }

  /** Returns the fields that are shown. */
  fields() {
    const { kind, count, unit, weekday, time, cron, zone } = this;
    /** @type {Record<string, Field[]>} */
    const shown = {
      daily: [kind, time, zone],
      weekly: [kind, weekday, time, zone],
      every: [kind, count, unit],
      cron: [kind, cron, zone],
    };
    return shown[kind.input.value];
  }

  offerZones() {
    const names = Intl.supportedValuesOf?.("timeZone") ?? [];
    replaceChildren(
      this.zones,
      ["UTC", ...names].map((value) => h("option", { value })),
    );
  }

  /**
   * Return the times as the API takes them.
   *
   * @returns {Record<string, unknown>}
   */
  read() {
    const [kind, count, unit, weekday, time, cron] = [
      this.kind,
      this.count,
      this.unit,
      this.weekday,
      this.time,
      this.cron,
    ].map(({ input }) => input.value);
    const times = timesOf({ kind: /** @type {Kind} */ (kind), count, unit, weekday, time, cron });
    return kind === "every" ? times : { ...times, timezone: this.zone.input.value.trim() };
  }

  /**
   * Show errors at the fields that they name.
   *
   * @param {FieldDocument[]} errors
   * @returns {FieldDocument[]} all other errors
   */
  showErrors(errors) {
    return showErrors(this.fields(), errors);
  }
}

const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/**
 * @param {string} name
 * @param {string} label
 * @param {Properties} attributes
 * @param {string} [hint]
 */
const text = (name, label, attributes, hint) =>
  new Field(name, label, h("input", { id: `schedule-${name}`, ...attributes }), hint);

/**
 * A field with a choice. The values come with their texts.
 *
 * @param {string} name
 * @param {string} label
 * @param {[value: string, text: string][]} values
 * @param {string} chosen
 * @param {string} hint
 * @returns {Field}
 */
export function select(name, label, values, chosen, hint) {
  const options = values.map(([value, each]) =>
    h("option", { value, selected: value === chosen }, each),
  );
  return new Field(name, label, h("select", { id: `schedule-${name}` }, options), hint);
}
