import assert from "node:assert/strict";
import { test } from "node:test";

import { polylinePoints, scaleTop, tablePoints } from "../../../server/web/lib/chart.js";

test("the top of a scale is 1, 2 or 5 times a power of ten", () => {
  const tops = [0, -3, NaN, 0.03, 1, 1.1, 2, 4.2, 5, 7, 10, 123, 9999].map(scaleTop);
  assert.deepEqual(tops, [1, 1, 1, 0.05, 1, 2, 2, 5, 5, 10, 10, 200, 10000]);
});

test("a line ends at the right edge now, and its greatest value is within the drawing", () => {
  const series = {
    start: 0,
    now: 120_000,
    points: [
      [0, 0],
      [60_000, 5],
      [120_000, 10],
    ],
  };
  assert.equal(polylinePoints(series, 10), "0.0,139.0 300.0,70.0 600.0,1.0");
});

test("the x axis is at least a minute long", () => {
  const series = {
    start: 90_000,
    now: 100_000,
    points: [
      [90_000, 1],
      [100_000, 1],
    ],
  };
  assert.equal(polylinePoints(series, 1), "500.0,1.0 600.0,1.0");
});

test("a series without points is an empty line", () => {
  assert.equal(polylinePoints({ start: 0, now: 0, points: [] }, 1), "");
});

test("a table has at most 30 of the points, from the newest one on", () => {
  const points = Array.from({ length: 100 }, (_, n) => /** @type {[number, number]} */ ([n, n]));
  assert.deepEqual(tablePoints(points.slice(0, 2)), [points[1], points[0]]);
  assert.equal(tablePoints(points).length, 25);
  assert.deepEqual(tablePoints(points)[1], points[95]);
  assert.deepEqual(tablePoints([]), []);
});
