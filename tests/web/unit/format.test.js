import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../../server/web/lib/format.js";

test("bytes have a unit of 1024 and at most three digits", () => {
  assert.equal(format.bytes(0), "0 bytes");
  assert.equal(format.bytes(1), "1 byte");
  assert.equal(format.bytes(1023), "1,023 bytes");
  assert.equal(format.bytes(1536), "1.5 KiB");
  assert.equal(format.bytes(5 * 1024 ** 3), "5 GiB");
  assert.equal(format.bytes(5000 * 1024 ** 4), "5,000 TiB");
});

test("durations have at most two units", () => {
  const texts = [
    [-1, "0 ms"],
    [0.0124, "12 ms"],
    [3.44, "3.44 s"],
    [59.96, "1 min"],
    [125, "2 min 5 s"],
    [3600, "1 h"],
    [3 * 3600 + 10 * 60 + 59, "3 h 10 min"],
    [4 * 86400 + 2 * 3600, "4 d 2 h"],
  ];
  for (const [seconds, text] of texts) assert.equal(format.duration(seconds), text);
});

test("a time of today has no date, and midnight is hour 0", () => {
  const midnight = new Date(new Date().setHours(0, 0, 1, 0)).toISOString();
  assert.equal(format.time(midnight), "00:00:01");
  assert.equal(format.time("2040-01-31T12:00:00"), "Jan 31, 2040, 12:00:00");
  assert.equal(format.fullTime("2040-01-31T15:00:00"), "Jan 31, 2040, 15:00:00");
});

test("seconds are counted to another time, or to now", () => {
  assert.equal(format.secondsBetween("2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"), 90);
  assert.ok(format.secondsBetween(new Date(Date.now() - 5000).toISOString(), null) >= 5);
});

test("nouns follow their count", () => {
  assert.deepEqual(
    [0, 1, 2000].map((count) => format.plural(count, "job")),
    ["0 jobs", "1 job", "2,000 jobs"],
  );
});

test("an id is shortened to its end", () => {
  assert.equal(format.shortId("01a2107d-0895-769f-a7be-5481af6a183c"), "…af6a183c");
});
