import assert from "node:assert/strict";
import { test } from "node:test";

import { RateMeter } from "../../../server/web/pages/job/progressPanel.js";
import { fractionDone, stepsOf } from "../../../server/web/shared/progress.js";

test("progress is a pair of numbers of any unit", () => {
  const { done, total, show } = stepsOf({ progress: { bytes_done: 512, bytes_total: 2048 } });
  assert.deepEqual([done, total, show(total)], [512, 2048, "2 KiB"]);
  assert.equal(stepsOf({ progress: { rows_done: 1, rows_total: 4321 } }).show(4321), "4,320");
  assert.equal(fractionDone({ progress: { seconds_done: 1, seconds_total: 4 } }), 0.25);
});

test("a job may report more than its total, or no such pair", () => {
  assert.equal(fractionDone({ progress: { bytes_done: 9, bytes_total: 3 } }), 1);
  for (const progress of [
    null,
    {},
    { counts: { a: 1 } },
    { bytes_done: 1 },
    { bytes_done: 1, bytes_total: 0 },
    { bytes_done: "1", bytes_total: 2 },
    { done: 1, total: 2 },
  ]) {
    assert.equal(fractionDone({ progress }), null, JSON.stringify(progress));
  }
});

test("the rate is known two seconds after the second number", () => {
  const meter = new RateMeter();
  assert.equal(meter.update(100, 0), 0);
  assert.equal(meter.update(200, 1000), 0);
  assert.equal(meter.update(300, 2000), 0);
  assert.equal(meter.update(400, 3000), 100);
});

test("the rate is that of the last ten seconds", () => {
  const meter = new RateMeter();
  for (let second = 0; second <= 10; second += 1) meter.update(second, second * 1000);
  for (let second = 11; second <= 30; second += 1) meter.update(10 * second, second * 1000);
  assert.equal(meter.update(310, 31_000), 10);
});

test("another attempt, which starts again, has a rate of its own", () => {
  const meter = new RateMeter();
  [0, 1000, 2000, 3000].forEach((now) => meter.update(now, now));
  assert.equal(meter.update(10, 4000), 0);
});
