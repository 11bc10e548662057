// The filters of the audit log, and the details of its entries.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFilters } from "../../../server/web/pages/audit/auditFilters.js";
import { detailText } from "../../../server/web/pages/audit/auditPage.js";
import { auditHref } from "../../../server/web/shared/links.js";
import { queryFilters } from "../../../server/web/shared/spans.js";

const NOW = Date.parse("2030-01-31T12:00:00Z");

test("the filters of an address are read, without unknown and empty ones", () => {
  const read = readFilters("?subject=+a+&action=b&caller=c&since=24h&cursor=d&other=1");
  assert.deepEqual(read, { subject: "a", action: "b", caller: "c", since: "24h", cursor: "d" });
  assert.deepEqual(readFilters("?since=1y&caller="), {});
  assert.deepEqual(readFilters("?since=constructor"), {});
});

test("a span becomes a time for the API", () => {
  const since = "2030-01-31T11:00:00.000Z";
  assert.deepEqual(queryFilters({ since: "1h", caller: "x" }, NOW), { since, caller: "x" });
  assert.deepEqual(queryFilters({ action: "a" }, NOW), { action: "a" });
});

test("empty filters are not in the address", () => {
  assert.equal(auditHref({ subject: "a b", cursor: "" }), "/ui/audit?subject=a+b");
  assert.equal(auditHref({}), "/ui/audit");
});

test("details are shown as texts", () => {
  assert.equal(detailText({}), "");
  assert.equal(
    detailText({ jobs: 12, type: "a", filters: { b: [1] } }),
    'jobs: 12 · type: a · filters: {"b":[1]}',
  );
});
