import assert from "node:assert/strict";
import { test } from "node:test";

import { canRetry, isFinal, STATUSES } from "../../../server/web/shared/status.js";

test("jobs that succeeded, failed or were canceled have ended", () => {
  assert.deepEqual(STATUSES.filter(isFinal), ["succeeded", "failed", "canceled"]);
});

test("jobs that failed or were canceled can be retried", () => {
  assert.deepEqual(STATUSES.filter(canRetry), ["failed", "canceled"]);
});
