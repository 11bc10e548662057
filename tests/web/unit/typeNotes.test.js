import assert from "node:assert/strict";
import { test } from "node:test";

import { describeType } from "../../../server/web/pages/submit/typeNotes.js";

/** @type {import("../../../server/web/types.js").JobTypeDocument} */
const TYPE = {
  name: "resize",
  summary: "",
  version: "",
  origin: "folder",
  file: "resize.py",
  upload: "none",
  payload_schema: {},
  defaults: {},
  isolation: "caller",
  network: true,
};

test("a job type says where it comes from, and what its jobs have by default", () => {
  assert.equal(describeType(TYPE), "From resize.py (folder)");
  assert.equal(describeType({ ...TYPE, origin: "package", file: null }), "From a package");
  const shared = describeType({ ...TYPE, isolation: "shared" });
  assert.equal(shared, "From resize.py (folder) · processes shared by all callers");
  const more = { version: "1.2", defaults: { timeout: 60, queue: "slow", backoff: [1, 2] } };
  assert.equal(
    describeType({ ...TYPE, ...more, isolation: "fresh", network: false }),
    "From resize.py (folder) · version 1.2 · defaults: timeout 60, queue slow, backoff [1,2]" +
      " · a new process for each job · no network",
  );
});

test("a built-in job type needs no such note", () => {
  assert.equal(describeType({ ...TYPE, origin: "built-in", file: null }), "");
});
