// The page that submits jobs: a form for each job type. With several files, it submits one job
// each.

import { OptionsForm } from "../../forms/optionsForm.js";
import { SchemaForm } from "../../forms/schemaForm.js";
import { addSetChoices } from "../../forms/setChoices.js";
import { showMessage } from "../../lib/dialog.js";
import { h, replaceChildren } from "../../lib/dom.js";
import { describeErrors, fieldErrorsOf, messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { failure, loading } from "../../lib/placeholders.js";
import { atRoot } from "../../lib/root.js";
import { getQueues, getTypes } from "../../shared/api.js";
import { setTaker, takeWaiting } from "../../shared/drops.js";
import { jobHref } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { showDryRun } from "./dryRun.js";
import { FilesField } from "./filesField.js";
import { submissionOf } from "./largeSubmission.js";
import { brokenTypes, describeType } from "./typeNotes.js";
import { showUnfinished } from "./unfinishedUploads.js";

/** @typedef {import("../../types.js").FieldDocument} FieldDocument */
/** @typedef {import("../../types.js").JobRequest} JobRequest */
/** @typedef {import("../../types.js").QueueDocument} QueueDocument */
/** @typedef {Record<string, import("../../types.js").JobTypeDocument>} JobTypes */

const CONCURRENT_UPLOADS = 2; // leaves connections of the browser for other requests

/**
 * Show the page.
 *
 * @type {import("../../app.js").Show}
 */
export function showSubmit(root, go) {
  const body = replaceChildren(h("div", {}), loading());
  replaceChildren(root, h("h1", {}, "Submit a job"), body);
  const load = () =>
    Promise.all([getTypes(), getQueues()]).then(
      ([{ types, broken }, queues]) => {
        const byName = Object.fromEntries(types.map((type) => [type.name, type]));
        const form = new SubmitForm(body, byName, queues, go);
        const note = brokenTypes(broken);
        if (note) body.append(note);
        if (body.isConnected) setTaker((files) => form.drop(files));
        form.analyze(takeWaiting());
      },
      (error) => {
        replaceChildren(body, failure(error, load));
      },
    );
  load();
}

/**
 * Have the browser ask before it leaves the site, which would stop uploads. Our own pages do not.
 *
 * @param {Event} event
 */
const warnBeforeUnload = (event) => event.preventDefault();

class SubmitForm {
  /**
   * @param {HTMLElement} body
   * @param {JobTypes} types
   * @param {QueueDocument[]} queues
   * @param {import("../../app.js").Go} go
   */
  constructor(body, types, queues, go) {
    this.types = types;
    this.go = go;
    const wanted = new URLSearchParams(location.search).get("type") ?? "";
    this.type = wanted in types ? wanted : Object.keys(types)[0];
    this.schema = new SchemaForm({});
    /** @type {FilesField | null} null for a type without uploads */
    this.files = null;
    this.payload = h("div", {});
    this.options = new OptionsForm(queues);
    /** @type {JobRequest | null} the one whose files are being sent */
    this.sending = null;
    /** @type {import("./submission.js").Submission[]} */
    this.waiting = [];
    this.notice = h("div", {});
    this.unfinished = h("div", {});
    this.list = h("ul", { class: "submissions", "aria-live": "polite" });
    this.button = h("button", { class: "primary", disabled: !hasRole("submit") }, "Submit");
    this.checkButton = h(
      "button",
      { type: "button", disabled: !hasRole("submit"), onclick: () => this.check() },
      "Check only",
    );
    const refusal =
      !hasRole("submit") &&
      h(
        "p",
        { class: "notice" },
        "Your role (read) does not allow submitting jobs. That requires the role submit.",
      );
    this.form = h(
      "form",
      { class: "submit card", onsubmit: (event) => this.submit(event) },
      this.typeField(),
      this.payload,
      this.options.element,
      this.notice,
      refusal,
      h("div", { class: "buttons" }, this.button, this.checkButton),
    );
    replaceChildren(body, this.unfinished, this.form, this.list);
    this.choose(this.type);
    showUnfinished(this.unfinished, () => !this.sending);
  }

  typeField() {
    const options = Object.keys(this.types).map((type) =>
      h("option", { value: type, selected: type === this.type }, type),
    );
    const select = h("select", { id: "type" }, options);
    select.addEventListener("change", () => this.choose(select.value));
    return h("div", { class: "field" }, h("label", { for: "type" }, "Job type"), select);
  }

  /**
   * Show the fields of a job type, and put the type into the address, so that a reload keeps it.
   *
   * @param {string} type
   */
  choose(type) {
    this.type = type;
    history.replaceState(null, "", atRoot(`/ui/submit?type=${encodeURIComponent(type)}`));
    const { payload_schema: payload, upload, summary } = this.types[type];
    this.schema = new SchemaForm(payload);
    if (type === "analyze")
      for (const unit of ["minute", "auto"]) this.schema.preset("histogram", unit);
    this.files = upload === "none" ? null : new FilesField(upload === "optional");
    replaceChildren(
      this.payload,
      h("p", { class: "quiet" }, (summary || payload.description)?.replaceAll("`", "")),
      h("p", { class: "quiet" }, describeType(this.types[type])),
      this.files?.element,
      this.schema.element,
    );
    if (type === "analyze") addSetChoices(this.schema.element);
    this.showErrors([]); // those of the type before
    if (!this.sending) replaceChildren(this.list);
  }

  /**
   * Take files that were dropped on this page. While others are being sent, they are sent next.
   *
   * @param {File[]} files
   */
  drop(files) {
    if (!this.files) this.showNotice(`Jobs of the type ${this.type} take no files.`);
    else if (this.sending)
      this.enqueue(
        this.sending,
        files.map((file) => [file]),
      );
    else this.files.add(files);
  }

  /**
   * Take files that were dropped on another page. They are analyzed at once if that needs no more.
   *
   * @param {File[]} files
   */
  analyze(files) {
    if (!files.length) return;
    this.drop(files);
    if (!this.types[this.type].payload_schema.required?.length && !this.button.disabled)
      this.form.requestSubmit();
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    const request = this.read();
    if (request) await this.send(request, this.files?.submissions() ?? [[]]);
  }

  /** Check the form without submitting a job, and show when the job would start. */
  async check() {
    const request = this.read();
    if (!request) return;
    this.checkButton.disabled = true;
    try {
      await showDryRun(this.notice, request, this.files?.submissions()[0] ?? []);
    } catch (error) {
      const errors = fieldErrorsOf(error);
      this.showErrors(errors);
      if (!errors.length) this.showNotice(messageOf(error));
    }
    this.checkButton.disabled = false;
  }

  /**
   * Return the request, without files. Null if it is not valid; the errors are then shown.
   *
   * @returns {JobRequest | null}
   */
  read() {
    this.showErrors([]);
    replaceChildren(this.list); // earlier submissions do not belong to this form any more
    try {
      return { type: this.type, payload: this.schema.read(), ...this.options.read() };
    } catch (error) {
      this.showErrors(fieldErrorsOf(error));
      return null;
    }
  }

  /**
   * Submit a job for each list of files, two at a time. A single accepted job is then shown on its
   * own page.
   *
   * @param {JobRequest} request
   * @param {File[][]} lists
   */
  async send(request, lists) {
    this.sending = request;
    replaceChildren(this.unfinished); // it may go on now
    this.enqueue(request, lists);
    this.button.disabled = true;
    addEventListener("beforeunload", warnBeforeUnload);
    /** @type {(string | null)[]} */
    const ids = [];
    const sendWaiting = async () => {
      for (let next = this.waiting.shift(); next; next = this.waiting.shift())
        ids.push(await next.send());
    };
    await Promise.all(Array.from({ length: CONCURRENT_UPLOADS }, sendWaiting));
    removeEventListener("beforeunload", warnBeforeUnload);
    this.sending = null;
    this.button.disabled = false;
    if (ids.every(Boolean)) this.files?.clear();
    if (!this.list.isConnected)
      showMessage(
        `${ids.filter(Boolean).length} of ${format.plural(ids.length, "job")} submitted.`,
      );
    else if (ids.length === 1 && ids[0]) this.go(jobHref(ids[0]));
  }

  /**
   * Let lists of files wait for their submission.
   *
   * @param {JobRequest} request
   * @param {File[][]} lists
   */
  enqueue(request, lists) {
    for (const files of lists) {
      const next = submissionOf(request, files, (errors) => this.showErrors(errors));
      this.waiting.push(next);
      this.list.append(next.element);
    }
  }

  /**
   * Show errors at the fields that they name, all others at the end of the form. The first of the
   * fields gets the focus, unless the reader is elsewhere.
   *
   * @param {FieldDocument[]} errors
   */
  showErrors(errors) {
    const others = this.options.showErrors(this.schema.showErrors(errors));
    const rest = this.files?.showErrors(others) ?? others;
    const ofAll = rest.filter(({ field }) => field === "payload").map(({ detail }) => detail);
    const named = describeErrors(rest.filter(({ field }) => field !== "payload"));
    this.showNotice([...ofAll, named].filter(Boolean).join("; "));
    const { activeElement: active } = document;
    const wrong = this.form.querySelector("[aria-invalid=true]");
    if (wrong instanceof HTMLElement && (active === document.body || this.form.contains(active)))
      wrong.focus();
  }

  /** @param {string} text */
  showNotice(text) {
    replaceChildren(this.notice, text && h("p", { class: "notice error", role: "alert" }, text));
  }
}
