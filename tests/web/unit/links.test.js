import assert from "node:assert/strict";
import { test } from "node:test";

import {
  jobHref,
  jobPath,
  jobsHref,
  queryOf,
  queuePath,
} from "../../../server/web/shared/links.js";

test("names and ids in addresses are escaped", () => {
  assert.equal(jobPath("a/b", "/cancel"), "/jobs/a%2Fb/cancel");
  assert.equal(jobHref("a?b"), "/ui/jobs/a%3Fb");
  assert.equal(queuePath("a b"), "/queues/a%20b");
});

test("a query has a question mark only if it has values", () => {
  assert.equal(queryOf({}), "");
  assert.equal(queryOf({ limit: 50, text: "a&b=c" }), "?limit=50&text=a%26b%3Dc");
});

test("the list of jobs has its filters in the address", () => {
  assert.equal(jobsHref(), "/ui/jobs");
  assert.equal(jobsHref({ queue: "gpu", status: "queued" }), "/ui/jobs?queue=gpu&status=queued");
});
