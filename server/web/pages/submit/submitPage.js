// Submitting jobs: a form for each job type; with several files, a job for each of them.

import { jobTypes, queues } from "../../shared/api.js";
import { tell } from "../../lib/dialog.js";
import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { may } from "../../shared/session.js";
import { failure, loading } from "../../lib/placeholders.js";
import { FilesField } from "./filesField.js";
import { OptionsForm } from "./optionsForm.js";
import { SchemaForm } from "./schemaForm.js";
import { Sending } from "./submission.js";

const AT_ONCE = 2; // files under way, so that the other connections of the browser stay free

/** Show the page. */
export function showSubmit(root, { go }) {
  const body = put(h("div", {}), loading());
  put(root, h("h1", {}, "Submit a job"), body);
  const load = () => Promise.all([jobTypes(), queues()]).then(([types, known]) => new SubmitForm(body, types, known, go),
    (error) => put(body, failure(error, load)));
  load();
}

/** Asks before the browser leaves, and with it what is being sent. Other pages of ours do no harm. */
const hold = (event) => event.preventDefault();

class SubmitForm {
  constructor(body, types, known, go) {
    Object.assign(this, { types, go });
    const wanted = new URLSearchParams(location.search).get("type");
    this.type = wanted in types ? wanted : Object.keys(types)[0];
    this.payload = h("div", {});
    this.options = new OptionsForm(known);
    this.notice = h("div", {});
    this.list = h("ul", { class: "sendings", "aria-live": "polite" });
    this.button = h("button", { class: "primary", disabled: !may("submit") }, "Submit");
    const refused = !may("submit") && h("p", { class: "notice" }, "Your role is read: to submit jobs takes the role submit.");
    this.form = h("form", { class: "submit card", onsubmit: (event) => this.submit(event) },
      this.typeField(), this.payload, this.options.element, this.notice, refused, h("div", { class: "buttons" }, this.button));
    put(body, this.form, this.list);
    this.choose(this.type);
  }

  typeField() {
    const options = Object.keys(this.types).map((type) => h("option", { value: type, selected: type === this.type }, type));
    const select = h("select", { id: "type", onchange: () => this.choose(select.value) }, options);
    return h("div", { class: "field" }, h("label", { for: "type" }, "Job type"), select);
  }

  /** Show the fields of a type; it is in the address, too, so that a reload keeps it. */
  choose(type) {
    this.type = type;
    history.replaceState(null, "", `/ui/submit?type=${encodeURIComponent(type)}`);
    const { payload, upload } = this.types[type];
    this.schema = new SchemaForm(payload);
    this.files = upload === "none" ? null : new FilesField();
    put(this.payload, h("p", { class: "quiet" }, payload.description ?? ""), this.files?.element, this.schema.element);
    this.tell("");
  }

  async submit(event) {
    event.preventDefault();
    this.showErrors([]);
    put(this.list); // what was refused before is no longer what is asked
    let document;
    try {
      document = { type: this.type, payload: this.schema.read(), ...this.options.read() };
    } catch (error) {
      return this.showErrors(error.errors ?? []);
    }
    await this.send(document, this.files?.files.length ? this.files.files : [null]);
  }

  /** Send all, two at a time; one job alone is then shown, unless it was refused. */
  async send(document, files) {
    const sendings = files.map((file) => new Sending(document, file, (each) => this.done(each)));
    put(this.list, sendings.map((each) => each.element));
    this.button.disabled = true;
    addEventListener("beforeunload", hold);
    const left = [...sendings];
    const ids = [];
    const work = async () => {
      for (let next; (next = left.shift()); ) ids.push(await next.send());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    removeEventListener("beforeunload", hold);
    this.button.disabled = false;
    if (ids.every(Boolean)) this.files?.clear();
    if (!this.list.isConnected) tell(`${format.plural(ids.filter(Boolean).length, "job")} of ${ids.length} submitted.`);
    else if (ids.length === 1 && ids[0]) this.go(`/ui/jobs/${ids[0]}`);
  }

  done({ errors }) {
    if (errors) this.showErrors(errors);
  }

  /** Errors that name a field are shown there, all others at the end of the form. */
  showErrors(errors) {
    const others = this.options.showErrors(this.schema.showErrors(errors));
    const rest = this.files?.showErrors(others) ?? others;
    this.tell(rest.map(({ field, detail }) => `${field}: ${detail}`).join("; "));
  }

  tell(text) {
    put(this.notice, text && h("p", { class: "notice error", role: "alert" }, text));
  }
}
