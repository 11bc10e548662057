// The uploads that this browser has begun and not finished, such as before a reload of the page.

import { actionButton } from "../../lib/dialog.js";
import { h, replaceChildren } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
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
  const items = (await Promise.all(allNotes().map(itemOf))).filter((each) => each !== null);
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
 * @param {FileNote} file
 * @returns {Promise<HTMLElement | null>} null if it does not exist any more, or is being sent
 */
async function itemOf(file) {
  const id = file.note;
  if (await isBeingSent(id)) return null;
  /** @type {UploadStateDocument} */
  let state;
  try {
    state = await get(`/uploads/${id}`);
  } catch (error) {
    if (statusOf(error) === 404) forget(file, id);
    return null;
  }
  const remove = async () => {
    forget(file, id);
    await deleteUpload(id);
    const list = item.parentElement;
    item.remove();
    if (!list?.childElementCount) list?.closest("section")?.remove();
  };
  const item = h(
    "li",
    {},
    `${file.name}: ${format.bytes(state.offset)} of ${format.bytes(state.size)} were sent. `,
    actionButton("Delete", remove, {
      type: "button",
      class: "plain",
      "aria-label": `Delete the upload of ${file.name}`,
    }),
  );
  return item;
}
