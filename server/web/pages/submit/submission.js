// Sending one job, with a bar for its file. By XMLHttpRequest: fetch does not tell how much was sent.

import { newKey, read, Problem, signedIn } from "../../shared/api.js";
import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

/** A submission under way, as an item of a list. Sent again, it has the same Idempotency-Key: so
 *  however often that is, there is one job. */
export class Sending {
  constructor(document, file, onDone) {
    Object.assign(this, { document, file, onDone, key: newKey() });
    this.element = h("li", { class: "sending" });
  }

  /** Send it; resolves to its job's id, null if it was canceled or refused. */
  async send() {
    try {
      [this.started, this.errors] = [performance.now(), null];
      const { job_id: id } = await signedIn(() => this.post());
      this.show(h("a", { href: `/ui/jobs/${id}` }, "Job ", h("code", {}, format.shortId(id))));
      this.onDone(this);
      return id;
    } catch (error) {
      this.refused(error);
      return null;
    }
  }

  post() {
    const request = new XMLHttpRequest();
    this.show(this.bar = h("progress", { max: 1, "aria-label": `Upload of ${this.name}` }), this.note = h("span", { class: "quiet" }),
      h("button", { type: "button", onclick: () => request.abort() }, "Stop"));
    return new Promise((resolve, reject) => {
      request.upload.onprogress = (event) => this.sent(event);
      request.onload = () => {
        try {
          resolve(read(request.status, request.responseText));
        } catch (error) {
          reject(error);
        }
      };
      request.onerror = () => reject(new Problem(0, "The connection was cut."));
      request.onabort = () => reject(new Problem(0, "Stopped; no job was made."));
      request.open("POST", "/jobs");
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("Idempotency-Key", this.key);
      if (!this.file) request.setRequestHeader("Content-Type", "application/json");
      request.send(this.file ? formOf(this.document, this.file) : JSON.stringify(this.document));
    });
  }

  get name() {
    return this.file?.name ?? this.document.type;
  }

  sent({ loaded, total }) {
    this.bar.value = total ? loaded / total : 0;
    const rate = loaded / Math.max(0.001, (performance.now() - this.started) / 1000);
    put(this.note, loaded < total
      ? `${format.bytes(loaded)} of ${format.bytes(total)} · ${format.bytes(Math.round(rate))}/s` : "sent, being stored…");
  }

  refused(error) {
    this.errors = error.errors ?? [];
    const again = h("button", { type: "button", onclick: () => this.send() }, "Send again");
    // What has a wrong field would be refused again.
    this.show(h("span", { class: "error-text" }, error.message), this.errors.length === 0 && again);
    this.onDone(this);
  }

  show(...what) {
    put(this.element, h("span", { class: "name" }, this.name), what);
  }
}

const TEXTS = ["type", "queue"]; // all other parts of a form are JSON

function formOf(document, file) {
  const form = new FormData();
  for (const [name, value] of Object.entries(document)) {
    form.append(name, TEXTS.includes(name) ? value : JSON.stringify(value));
  }
  form.append("filename", file, file.name); // last: what is wrong with the rest is known before
  return form;
}
