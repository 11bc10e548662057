// The form of a new schedule, and of a schedule that exists.

import { OptionsForm } from "../../forms/optionsForm.js";
import { PayloadFields } from "../../forms/payloadFields.js";
import { showMessage } from "../../lib/dialog.js";
import { h, replaceChildren } from "../../lib/dom.js";
import { describeErrors, fieldErrorsOf, messageOf, statusOf } from "../../lib/errors.js";
import { Field, showErrors } from "../../lib/field.js";
import { failure, loading } from "../../lib/placeholders.js";
import { getJobTypes, getQueues } from "../../shared/api.js";
import { scheduleHref } from "../../shared/links.js";
import { localTime } from "../../shared/localTime.js";
import { createSchedule, replaceSchedule } from "../../shared/schedules.js";
import { hasRole } from "../../shared/session.js";
import { MISSED, OPTIONS, OVERLAP } from "./choices.js";
import { select, TimeFields } from "./timeFields.js";

/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../../types.js").QueueDocument} QueueDocument */
/** @typedef {import("../../types.js").ScheduleDocument} ScheduleDocument */
/** @typedef {import("../../types.js").ScheduleRequest} ScheduleRequest */
/** @typedef {Record<string, import("../../types.js").TypeDocument>} JobTypes */

const TAKEN = "a schedule with this name already exists";
/**
 * Show the form in `root`.
 *
 * @param {HTMLElement} root
 * @param {import("../../app.js").Go} go
 * @param {ScheduleDocument | null} schedule null for a new one
 */
export function showScheduleForm(root, go, schedule) {
  const title = schedule ? `Edit ${schedule.name}` : "New schedule";
  document.title = `${title} · Job Service`;
  const body = replaceChildren(h("div", {}), loading());
  replaceChildren(root, h("h1", {}, title), body);
  const load = () =>
    Promise.all([getJobTypes(), getQueues()]).then(
      ([types, queues]) =>
        replaceChildren(body, new ScheduleForm(types, queues, go, schedule).form),
      (error) => replaceChildren(body, failure(error, load)),
    );
  load();
}

class ScheduleForm {
  /**
   * @param {JobTypes} types
   * @param {QueueDocument[]} queues
   * @param {import("../../app.js").Go} go
   * @param {ScheduleDocument | null} schedule
   */
  constructor(types, queues, go, schedule) {
    this.types = types;
    this.go = go;
    this.schedule = schedule;
    this.times = new TimeFields(schedule);
    this.fields = ownFields(schedule);
    this.type = typeField(Object.keys(types), schedule?.type);
    this.payload = new PayloadFields("", {}, null);
    this.payloadRow = h("div", {});
    this.options = new OptionsForm(queues, OPTIONS);
    this.options.fill(schedule?.options ?? {});
    this.notice = h("div", {});
    this.button = h("button", { class: "primary", disabled: !hasRole("submit") }, "Save");
    const back = schedule ? scheduleHref(schedule.name) : "/ui/schedules";
    this.form = h(
      "form",
      { class: "submit card", onsubmit: (event) => this.submit(event) },
      this.fields.name.element,
      this.times.element,
      h(
        "div",
        { class: "fields" },
        [this.fields.missed, this.fields.overlap, this.fields.until, this.type].map(
          ({ element }) => element,
        ),
      ),
      this.payloadRow,
      this.options.element,
      this.notice,
      h("div", { class: "buttons" }, this.button, h("a", { href: back }, "Back")),
    );
    this.type.input.addEventListener("change", () => this.choose());
    this.choose(schedule?.payload);
  }

  /**
   * Show the fields of the chosen job type.
   *
   * @param {Record<string, unknown> | null} [payload]
   */
  choose(payload = null) {
    const type = this.type.input.value;
    this.payload = new PayloadFields(type, this.types[type]?.payload ?? {}, payload);
    replaceChildren(this.payloadRow, this.payload.element);
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    this.showErrors([]);
    this.button.disabled = true;
    try {
      const { name } = await this.save();
      showMessage(`Schedule ${name} saved.`);
      this.go(scheduleHref(name));
    } catch (error) {
      this.button.disabled = false;
      const isTaken = statusOf(error) === 412;
      const errors = isTaken ? [{ field: "name", detail: TAKEN }] : fieldErrorsOf(error);
      this.showErrors(errors, errors.length ? "" : messageOf(error));
    }
  }

  /** @returns {Promise<ScheduleDocument>} */
  async save() {
    const { name, missed, overlap, until } = this.fields;
    /** @type {ScheduleRequest} */
    const request = {
      ...this.times.read(),
      missed: missed.input.value,
      overlap: overlap.input.value,
      until: until.input.value ? new Date(until.input.value).toISOString() : null,
      paused: this.schedule?.paused ?? false,
      type: this.type.input.value,
      payload: this.payload.read(),
      options: this.options.read(),
    };
    if (this.schedule) return replaceSchedule(this.schedule.name, request);
    const wanted = name.input.value.trim();
    const refusal = /^\.*$/.test(wanted) && "it must begin with a letter or a digit";
    if (refusal) throw Object.assign(new Error(), { errors: [{ field: "name", detail: refusal }] });
    return createSchedule(wanted, request);
  }

  /**
   * Show errors at the fields that they name, all others at the end of the form.
   *
   * @param {FieldDocument[]} errors
   * @param {string} [message]
   */
  showErrors(errors, message = "") {
    let rest = showErrors(
      [...Object.values(this.fields), this.type],
      this.times.showErrors(errors),
    );
    rest = this.payload.showErrors(rest).map((each) => ({
      ...each,
      field: each.field.replace(/^options\./, ""),
    }));
    const text = describeErrors(this.options.showErrors(rest)) || message;
    replaceChildren(this.notice, text && h("p", { class: "notice error", role: "alert" }, text));
    const bad = this.form.querySelector("[aria-invalid=true]");
    if (bad instanceof HTMLElement) bad.focus();
  }
}

/** @param {ScheduleDocument | null} schedule */
function ownFields(schedule) {
  const name = h("input", {
    id: "schedule-name",
    required: true,
    maxlength: 64,
    autocomplete: "off",
    spellcheck: "false",
    value: schedule?.name,
    readonly: Boolean(schedule),
  });
  const until = h("input", {
    id: "schedule-until",
    type: "datetime-local",
    step: 1,
    value: localTime(schedule?.until ?? undefined),
  });
  return {
    name: new Field(
      "name",
      "Name",
      name,
      schedule ? "" : "Lower-case letters, digits, and . _ - after the first character.",
    ),
    missed: select(
      "missed",
      "Missed times",
      Object.entries(MISSED),
      schedule?.missed ?? "once",
      "Those at which no worker was running.",
    ),
    overlap: select(
      "overlap",
      "If the last job goes on",
      Object.entries(OVERLAP),
      schedule?.overlap ?? "skip",
      "What happens when the next time has come.",
    ),
    until: new Field("until", "Until", until, "In your time zone. Empty for no end."),
  };
}

/**
 * @param {string[]} types
 * @param {string} [chosen] may be missing in `types`: no program here may know it
 */
function typeField(types, chosen) {
  const known = [...new Set([...types, ...(chosen ? [chosen] : [])])];
  return select(
    "type",
    "Job type",
    known.map((type) => [type, type]),
    chosen ?? known[0],
    "The type of its jobs.",
  );
}
