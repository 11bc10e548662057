import assert from "node:assert/strict";
import { test } from "node:test";

import { curvesOf, stepsOf } from "../../../server/web/analysis/fieldCurves.js";

const VALUES = [1, 2, 3, 4, 5, 6].map((n) => ({ value: `v${n}`, counts: [n, 0] }));
const FIGURES = { count: [21, 0], distinct: [6, 0], p50: null, p95: null, p99: null, top: VALUES };

test("numbers have a curve for each percentile", () => {
  const curves = curvesOf({ ...FIGURES, p50: [1, null], p95: [2, null], p99: [3, null] });
  assert.deepEqual(
    curves.map(({ name, values }) => [name, values]),
    [
      ["p50", [1, null]],
      ["p95", [2, null]],
      ["p99", [3, null]],
    ],
  );
  assert.equal(new Set(curves.map(({ color }) => color)).size, 3);
});

test("other fields have a curve for each of the five most frequent values", () => {
  const names = curvesOf(FIGURES).map(({ name }) => name);
  assert.deepEqual(names, ["v1", "v2", "v3", "v4", "v5"]);
});

test("a curve has steps, and a gap for each bin without a value", () => {
  assert.equal(stepsOf([10, 5, null, -1], 10), "M0.0 1.0H150.0V70.0H300.0M450.0 139.0H600.0");
  assert.equal(stepsOf([], 10), "");
});
