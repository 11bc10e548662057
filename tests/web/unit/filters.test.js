import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bulkBody,
  filtersOf,
  readFilters,
  withoutCursor,
} from "../../../server/web/pages/jobs/filters.js";
import { localTime } from "../../../server/web/shared/localTime.js";

test("filters are read from an address, without unknown and empty ones", () => {
  const search = "?status=queued,running&type=&tag=a%26b&cursor=abc&other=1";
  assert.deepEqual(readFilters(search), { status: "queued,running", tag: "a&b", cursor: "abc" });
});

test("a bulk change has a list of statuses and no cursor", () => {
  const filters = { status: "failed,canceled", type: "sleep", cursor: "abc" };
  assert.deepEqual(bulkBody(filters), { status: ["failed", "canceled"], type: "sleep" });
  assert.deepEqual(withoutCursor(filters), { status: "failed,canceled", type: "sleep" });
});

test("a bulk change without filters asks for all jobs by name", () => {
  assert.deepEqual(bulkBody({ cursor: "abc" }), { all: true });
});

test("a form gives the filters of its fields that have a value", () => {
  const data = new FormData();
  data.append("status", "queued");
  data.append("status", "failed");
  data.append("type", "");
  data.append("created_after", "2026-01-31T12:30:00");
  assert.deepEqual(filtersOf(data), {
    status: "queued,failed",
    created_after: new Date(2026, 0, 31, 12, 30).toISOString(),
  });
});

test("a time goes from a field to the API and back", () => {
  const text = "2026-01-31T12:30:05";
  assert.equal(localTime(new Date(text).toISOString()), text);
  assert.deepEqual([localTime(undefined), localTime("nonsense")], [null, null]);
});
