// The dialog that saves patterns as a set.

import { showMessage } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { Field } from "../lib/field.js";
import * as format from "../lib/format.js";
import { formDialog } from "../lib/formDialog.js";
import { ApiError } from "../shared/api.js";
import { getSets, mayChangeSet, putSet } from "../shared/patternSets.js";

/**
 * Ask for a name, and save patterns as a set of this name.
 *
 * @param {unknown[]} patterns
 * @returns {Promise<import("../types.js").PatternSetDocument | null>} null if the reader closed the
 *   dialog
 */
export async function openSaveDialog(patterns) {
  const name = new Field(
    "name",
    "Name",
    h("input", {
      id: "set-name",
      required: true,
      maxlength: 64,
      autocomplete: "off",
      spellcheck: "false",
    }),
    "Lower-case letters, digits, and . _ - after the first character. A set of yours with this name is replaced.",
  );
  const description = new Field(
    "description",
    "What it is for",
    h("input", { id: "set-description", maxlength: 500 }),
  );
  const save = async () => {
    const wanted = name.input.value.trim();
    const refusal = refusalOf(wanted, await getSets());
    if (refusal) throw new ApiError(422, refusal, [{ field: "name", detail: refusal }]);
    return putSet(wanted, patterns, description.input.value);
  };
  const saved = await formDialog(
    `Save ${format.plural(patterns.length, "pattern")} as a set`,
    [name, description],
    [{ text: "Save", kind: "primary", run: save }],
  );
  if (saved) showMessage(`Pattern set ${saved.name} saved.`);
  return saved;
}

/**
 * Return why patterns cannot be saved under this name; empty if the service can decide. A name of
 * dots alone would be a folder in an address.
 *
 * @param {string} name
 * @param {import("../types.js").PatternSetHeadDocument[]} sets
 * @returns {string}
 */
export function refusalOf(name, sets) {
  const present = sets.find((each) => each.name === name);
  if (present?.built_in) return "this set is built in; choose another name";
  if (present && !mayChangeSet(present)) return "another caller has created the set of this name";
  return /^\.*$/.test(name) ? "it must begin with a letter or a digit" : "";
}
