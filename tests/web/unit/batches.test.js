import assert from "node:assert/strict";
import { test } from "node:test";

import { fractionEnded } from "../../../server/web/pages/jobs/batchPanel.js";
import { bulkBody, readFilters } from "../../../server/web/pages/jobs/filters.js";

const BATCH = {
  batch_id: "1",
  created_at: "2026-01-31T12:30:05.000Z",
  submitted_by: null,
  size: 8,
  queued: 3,
  running: 1,
  succeeded: 1,
  failed: 1,
  canceled: 1,
  deleted: 1,
  refused: 2,
  then: null,
  finished: false,
  finished_at: null,
};

test("jobs of a batch that are neither queued nor running have ended", () => {
  assert.equal(fractionEnded(BATCH), 0.5);
  assert.equal(fractionEnded({ ...BATCH, queued: 0, running: 0 }), 1);
  assert.equal(fractionEnded({ ...BATCH, size: 0, queued: 0, running: 0 }), 1);
});

test("a batch is a filter of lists and of bulk changes", () => {
  const filters = readFilters("?batch=1&status=failed");
  assert.deepEqual(filters, { batch: "1", status: "failed" });
  assert.deepEqual(bulkBody(filters), { batch: "1", status: ["failed"] });
});
