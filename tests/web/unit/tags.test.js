import assert from "node:assert/strict";
import { test } from "node:test";

import { edited } from "../../../server/web/pages/job/changeDialog.js";
import { tagsIn } from "../../../server/web/shared/tags.js";

test("tags are read from a text, without spaces and empty ones", () => {
  assert.deepEqual(tagsIn(" nightly, customer:42 ,,x y"), ["nightly", "customer:42", "x y"]);
  assert.deepEqual(tagsIn(" "), []);
});

test("only what was edited is changed", () => {
  const before = { priority: 0, tags: ["a"], timeout: null };
  assert.deepEqual(edited(before, { priority: 5, tags: ["a"], timeout: null }), { priority: 5 });
  assert.deepEqual(edited(before, { priority: 0, tags: [], timeout: 1 }), { tags: [], timeout: 1 });
});
