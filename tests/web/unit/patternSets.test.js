import assert from "node:assert/strict";
import { test } from "node:test";

import { refusalOf } from "../../../server/web/analysis/saveSetDialog.js";
import { textOf } from "../../../server/web/pages/overview/setsPanel.js";
import { mayChangeSet } from "../../../server/web/shared/patternSets.js";

const BUILT_IN = { name: "nginx", built_in: true, created_by: null };
const SAVED = { name: "shop", built_in: false, created_by: "ann" };

test("a built-in set keeps its name, and a saved one may be replaced by who may change it", () => {
  assert.match(refusalOf("nginx", [BUILT_IN, SAVED]), /built in/);
  assert.equal(refusalOf("shop", [BUILT_IN, SAVED]), "");
  assert.equal(refusalOf("mine", [BUILT_IN, SAVED]), "");
});

test("a name of dots alone would be another address", () => {
  for (const name of ["", ".", "..", "..."]) assert.match(refusalOf(name, []), /begin with/);
  assert.equal(refusalOf(".a", []), "");
});

test("nobody changes a built-in set", () => {
  assert.equal(mayChangeSet(BUILT_IN), false);
  assert.equal(mayChangeSet(SAVED), true); // without tokens, everybody is an admin
});

test("patterns are shown one on each line, objects as JSON", () => {
  assert.equal(textOf(["a b", { pattern: "c", word: true }]), 'a b\n{"pattern":"c","word":true}');
});
