// The filters of failures, and the sentence about a list of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { jobFilters, readFilters } from "../../../server/web/pages/failures/failureFilters.js";
import { failuresHref } from "../../../server/web/shared/links.js";
import { queryFilters } from "../../../server/web/shared/spans.js";

const NOW = Date.parse("2030-01-31T12:00:00Z");

test("the filters of an address are read, without unknown ones", () => {
  const read = readFilters("?type=a&queue=b&tag=c&since=24h&cursor=d&other=1&status=");
  assert.deepEqual(read, { type: "a", queue: "b", tag: "c", since: "24h", cursor: "d" });
  assert.deepEqual(readFilters("?since=1y&type="), {});
  assert.deepEqual(readFilters("?since=constructor"), {});
});

test("a span becomes a time for the API", () => {
  assert.deepEqual(queryFilters({ since: "1h", tag: "x" }, NOW), {
    since: "2030-01-31T11:00:00.000Z",
    tag: "x",
  });
  assert.deepEqual(queryFilters({ type: "a" }, NOW), { type: "a" });
});

test("the jobs of a group are those that the filters of the list select", () => {
  const since = "2030-01-31T11:00:00.000Z";
  const filters = { type: "a", queue: "b", tag: "c", since, cursor: "d" };
  const selected = { failure: "0123456789abcdef", queue: "b", tag: "c", finished_after: since };
  assert.deepEqual(jobFilters("0123456789abcdef", filters), selected);
  assert.deepEqual(jobFilters("0123456789abcdef", {}), { failure: "0123456789abcdef" });
});

test("empty filters are not in the address", () => {
  assert.equal(failuresHref({ type: "a b", cursor: "" }), "/ui/failures?type=a+b");
  assert.equal(failuresHref({}), "/ui/failures");
});
