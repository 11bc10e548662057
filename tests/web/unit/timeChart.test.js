import assert from "node:assert/strict";
import { test } from "node:test";

import { stacked, wholeBins } from "../../../server/web/lib/timeChart.js";
import {
  fromInput,
  stamp,
  stampOf,
  tickTexts,
  toInput,
  zoneName,
} from "../../../server/web/lib/timeZone.js";

process.env.TZ = "Asia/Kolkata"; // five and a half hours before UTC

const DAY = Date.parse("2026-01-01T00:00:00Z") / 1000;

test("series are stacked, the whole stack first", () => {
  const values = [
    [1, 2],
    [10, 0],
    [0, 5],
  ];
  assert.deepEqual(stacked(values), [
    [11, 7],
    [11, 2],
    [1, 2],
  ]);
  assert.deepEqual(stacked([]), []);
});

test("a range is widened to whole bins, and stays on the axis", () => {
  const axis = { start: 100, step: 10, bins: 5 };
  assert.deepEqual(wholeBins(axis, [112, 129]), [110, 130]);
  assert.deepEqual(wholeBins(axis, [115, 115]), [110, 120]);
  assert.deepEqual(wholeBins(axis, [0, 999]), [100, 150]);
  assert.deepEqual(wholeBins(axis, [150, 150]), [140, 150]);
});

test("times are those of the zone", () => {
  assert.equal(stamp(DAY, "utc"), "2026-01-01 00:00:00");
  assert.equal(stamp(DAY + 0.25, "utc"), "2026-01-01 00:00:00.250");
  assert.equal(stamp(DAY, "local"), "2026-01-01 05:30:00");
  assert.equal(zoneName("local", DAY), "local time, UTC+05:30");
  assert.equal(zoneName("utc", DAY), "UTC");
});

test("the start of an interval has no more digits than it needs", () => {
  assert.equal(stampOf(DAY, 86400, "utc"), "2026-01-01");
  assert.equal(stampOf(DAY, 86400, "local"), "2026-01-01 05:30");
  assert.equal(stampOf(DAY, 300, "utc"), "2026-01-01 00:00");
  assert.equal(stampOf(DAY, 5, "utc"), "2026-01-01 00:00:00");
});

test("each tick has its time, and the date where it is new", () => {
  const hours = [18, 21, 24, 27].map((hour) => DAY + hour * 3600);
  assert.deepEqual(tickTexts(hours, 10800, "utc"), [
    "18:00\nJan 1",
    "21:00",
    "00:00\nJan 2",
    "03:00",
  ]);
  assert.deepEqual(tickTexts(hours.slice(0, 1), 10800, "local"), ["23:30\nJan 1"]);
  assert.deepEqual(tickTexts([DAY - 86400, DAY], 86400, "utc"), ["Dec 31\n2025", "Jan 1\n2026"]);
  assert.deepEqual(tickTexts([DAY + 5], 5, "utc"), ["00:00:05\nJan 1"]);
});

test("an input of a time is read in its zone", () => {
  assert.equal(fromInput("2026-01-01T00:00", "utc"), "2026-01-01T00:00:00Z");
  assert.equal(fromInput("2026-01-01T05:30:01", "local"), "2026-01-01T00:00:01Z");
  assert.equal(fromInput("", "utc"), null);
  assert.equal(toInput("2026-01-01T00:00:01Z", "local"), "2026-01-01T05:30:01");
  assert.equal(toInput(null, "utc"), "");
  assert.equal(toInput("-1h", "utc"), "");
});
