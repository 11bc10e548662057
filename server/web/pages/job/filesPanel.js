// The files of a job: the one that it was given, and those that it has left, with previews.

import { canPreview } from "./fileKinds.js";
import { actionButton } from "../../lib/dialog.js";
import { h, replaceChildren, setText, tableHead, update } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { get } from "../../shared/api.js";
import { jobPath } from "../../shared/links.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {import("./filePreview.js").ShownFile} ShownFile */

const MAX_ROWS = 200;

/** Lists the files of a job once there are some. */
export class FilesPanel {
  /** @param {string} jobId */
  constructor(jobId) {
    this.jobId = jobId;
    this.shown = ""; // what the list was made from: a retry of the job replaces its files
    this.list = h("div", {});
    this.preview = h("div", { "aria-live": "polite" });
    this.note = h("p", { class: "quiet" });
    this.element = h(
      "section",
      { hidden: true, "aria-label": "Files" },
      h("h2", {}, "Files"),
      this.list,
      this.note,
      this.preview,
    );
  }

  /** @param {JobDocument} job */
  async show(job) {
    const wanted = `${job.attempt} ${job.files} ${job.upload?.name}`;
    if (wanted === this.shown) return;
    this.shown = wanted;
    this.element.hidden = !job.files && !job.upload;
    replaceChildren(this.preview);
    setText(this.note, "");
    try {
      /** @type {import("../../types.js").FilesDocument} */
      const left = job.files ? await get(jobPath(this.jobId, "/files")) : { files: [] };
      if (wanted === this.shown) update(this.list, this.table(job, left.files));
    } catch (error) {
      this.shown = "";
      setText(this.note, messageOf(error));
    }
  }

  /**
   * @param {JobDocument} job
   * @param {import("../../types.js").FileDocument[]} left
   */
  table(job, left) {
    const files = left.map(({ name, size, media_type: type }) => {
      return { name, size, type, path: filePath(this.jobId, name) };
    });
    const { upload } = job;
    const given = upload && { ...upload, path: jobPath(this.jobId, "/upload"), type: null };
    const rows = [...(given ? [given] : []), ...files];
    return [
      h(
        "div",
        {
          class: "scroll",
          tabindex: 0,
          role: "group",
          "aria-label": "Stored files",
        },
        h(
          "table",
          { class: "figures files" },
          tableHead(["File", "Size", "Type", "Preview"]),
          h(
            "tbody",
            {},
            rows.slice(0, MAX_ROWS).map((file) => this.row(file)),
          ),
        ),
      ),
      rows.length > MAX_ROWS &&
        h("p", { class: "quiet" }, `${format.number(rows.length - MAX_ROWS)} more are not shown.`),
      left.length > 1 &&
        h(
          "p",
          {},
          h("a", { href: jobPath(this.jobId, "/files.zip"), download: "" }, "All files as zip"),
        ),
    ];
  }

  /** @param {ShownFile} file */
  row(file) {
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: file.path, download: "" }, file.name)),
      h("td", {}, format.bytes(file.size)),
      h("td", {}, file.type ?? "the file it was given"),
      h(
        "td",
        {},
        canPreview(file.type) &&
          actionButton("Preview", () => this.open(file), {
            "aria-label": `Preview ${file.name}`,
            "data-key": `preview ${file.path}`,
          }),
      ),
    );
  }

  /** @param {ShownFile} file */
  async open(file) {
    const shown = this.shown;
    const { previewOf } = await import("./filePreview.js");
    const preview = await previewOf(file);
    if (shown === this.shown) replaceChildren(this.preview, h("h3", {}, file.name), ...preview);
  }
}

/**
 * Return the path of a file that a job has left. Its name may contain slashes.
 *
 * @param {string} jobId
 * @param {string} name
 */
const filePath = (jobId, name) =>
  jobPath(jobId, `/files/${name.split("/").map(encodeURIComponent).join("/")}`);
