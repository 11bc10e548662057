import assert from "node:assert/strict";
import { test } from "node:test";

import { covers } from "../../../server/web/forms/schemaForm.js";
import { choicesOf, timesOf, timesText } from "../../../server/web/pages/schedules/times.js";

const at = (cron, timezone = "UTC") => ({ cron, every: null, timezone });
const each = (every) => ({ cron: null, every, timezone: "UTC" });

test("the times of a schedule are described in words where cron has a word for them", () => {
  assert.equal(timesText(at("30 2 * * *", "Europe/Berlin")), "daily at 02:30, Europe/Berlin");
  assert.equal(timesText(at("5 14 * * 1")), "on Mondays at 14:05, UTC");
  assert.equal(timesText(at("*/5 * * * *")), "*/5 * * * *, UTC");
  assert.equal(timesText(at("@daily")), "@daily, UTC");
  assert.equal(timesText(each(300)), "every 5 min");
});

test("the choices of a form mean the times that they were made of", () => {
  const all = ["0 0 * * *", "30 2 * * 6", "* * * * *", "0 30 2 * * *", "@hourly", "5 4 1 * *"];
  for (const cron of [...all, "60 2 * * *", "0 24 * * *", "0 2 * * 7", "0 2 * * 1-5"])
    assert.deepEqual(timesOf(choicesOf(at(cron))), { cron });
  for (const every of [1, 90, 300, 5400, 7200, 86400, 172800])
    assert.deepEqual(timesOf(choicesOf(each(every))), { every });
});

test("an interval is shown in the longest unit without a fraction", () => {
  const shown = [90, 300, 5400, 7200, 172800].map((every) => choicesOf(each(every)));
  assert.deepEqual(
    shown.map(({ count, unit }) => [count, unit]),
    [
      ["90", "1"],
      ["5", "60"],
      ["90", "60"],
      ["2", "3600"],
      ["2", "86400"],
    ],
  );
});

test("a payload is shown by a form only if its fields mean all of it", () => {
  assert.ok(covers({ seconds: 5, top: 20 }, { seconds: 5 }));
  assert.ok(covers({}, { encoding: null }));
  assert.ok(covers({ a: { b: [1, { c: 2, d: 3 }] } }, { a: { b: [1, { c: 2 }] } }));
  assert.ok(!covers({ seconds: 5 }, { seconds: 5, other: 1 }));
  assert.ok(!covers({ seconds: 5 }, { seconds: "5" }));
  assert.ok(!covers({ a: [1, 2] }, { a: [1] }));
  assert.ok(!covers({ a: [] }, { a: {} }));
});
