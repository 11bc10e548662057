// The uploads that are not finished: those of this browser, as before a reload of the page, and
// the caller's others. Admins see those of all callers.

import { actionButton } from "../../lib/dialog.js";
import { h, replaceChildren } from "../../lib/dom.js";
import { allNotes, forget } from "../../lib/fileNotes.js";
import * as format from "../../lib/format.js";
import { get } from "../../shared/api.js";
import { deleteUpload } from "../../uploads/calls.js";
import { isBeingSent } from "../../uploads/resumableUpload.js";

/** @typedef {import("../../lib/fileNotes.js").FileNote} FileNote */
/** @typedef {import("../../types.js").UploadStateDocument} UploadStateDocument */

/**
 * Show the unfinished uploads, each with a button that deletes it. To go on with one, a reader has
 * to choose its file again: a page has no access to files of an earlier visit.
 *
 * @param {HTMLElement} place stays empty if there are none
 * @param {() => boolean} isWanted whether they still should be shown
 * @returns {Promise<void>}
 */
export async function showUnfinished(place, isWanted) {
  /** @type {UploadStateDocument[]} */
  let uploads;
  try {
    uploads = (await get("/uploads")).items;
  } catch {
    return; // the rest of the page tells what is wrong
  }
  const notes = new Map(allNotes().map((file) => [file.note, file]));
  const known = new Set(uploads.map((each) => each.upload_id));
  for (const [id, file] of notes) if (!known.has(id)) forget(file, id);
  const unfinished = uploads.filter((each) => notes.has(each.upload_id) || each.sha256 === null);
  const found = unfinished.map((each) => itemOf(each, notes.get(each.upload_id)));
  const items = (await Promise.all(found)).filter((each) => each !== null);
  if (!items.length || !isWanted()) return;
  replaceChildren(
    place,
    h(
      "section",
      { class: "notice", "aria-label": "Unfinished uploads" },
      h("p", {}, "Unfinished uploads. Choose or drop the same file again to go on with one."),
      h("ul", {}, items),
    ),
  );
}

/**
 * @param {UploadStateDocument} state
 * @param {FileNote | undefined} file undefined if another browser or program has begun the upload
 * @returns {Promise<HTMLElement | null>} null if it is being sent
 */
async function itemOf(state, file) {
  const id = state.upload_id;
  if (await isBeingSent(id)) return null;
  const remove = async () => {
    if (file) forget(file, id);
    await deleteUpload(id);
    const list = item.parentElement;
    item.remove();
    if (!list?.childElementCount) list?.closest("section")?.remove();
  };
  const item = h(
    "li",
    {},
    `${state.name}: ${format.bytes(state.offset)} of ${format.bytes(state.size)} were sent` +
      (file ? ". " : ` from elsewhere${state.created_by ? ` by ${state.created_by}` : ""}. `),
    actionButton("Delete", remove, {
      type: "button",
      class: "plain",
      "aria-label": `Delete the upload of ${state.name}`,
    }),
  );
  return item;
}
