import assert from "node:assert/strict";
import { test } from "node:test";

import { refusalOf } from "../../../server/web/pages/overview/queueDialogs.js";
import { blockedQueues, cellTexts } from "../../../server/web/pages/overview/queuesPanel.js";
import { Samples } from "../../../server/web/pages/overview/samples.js";

const QUEUE = {
  name: "gpu",
  max_running: null,
  paused: false,
  paused_at: null,
  running: 0,
  queued: 1,
  queued_is_more: false,
  oldest_due_seconds: null,
};

/** An overview with one job type, as far as samples read it. */
const overview = (finished, started, waited) => ({
  types: { any: { finished: { succeeded: finished }, wait: { count: started, seconds: waited } } },
});

test("two samples give a rate, and while nothing starts the mean wait is the last one", () => {
  const samples = new Samples();
  samples.add(overview(0, 0, 0), 0);
  samples.add(overview(2, 2, 8), 5000);
  samples.add(overview(2, 2, 8), 10_000);
  assert.deepEqual(samples.throughput().points, [
    [5000, 0.4],
    [10_000, 0],
  ]);
  assert.deepEqual(samples.meanWait(), { start: 5000, now: 10_000, points: [[5000, 4]] });
});

test("a single sample has no rate", () => {
  const samples = new Samples();
  samples.add({ types: {} }, 5000);
  assert.deepEqual(samples.throughput(), { start: 5000, now: 5000, points: [] });
});

test("samples are at least two seconds apart and kept for an hour", () => {
  const samples = new Samples();
  samples.add(overview(0, 0, 0), 0);
  samples.add(overview(1, 1, 1), 1999);
  assert.equal(samples.all.length, 1);
  samples.add(overview(1, 1, 1), 3_600_001);
  assert.deepEqual(
    samples.all.map(({ now }) => now),
    [3_600_001],
  );
});

test("the history of the service replaces the samples of that time", () => {
  const samples = new Samples();
  samples.add(overview(1, 0, 0), Date.parse("2026-01-01T00:00:05Z"));
  samples.add(overview(9, 0, 0), Date.parse("2026-01-01T00:00:30Z"));
  const moment = { finished: 3, submitted: 3, wait: { count: 1, seconds: 2 } };
  samples.setHistory([
    { at: "2026-01-01T00:00:00Z", ...moment },
    { at: "2026-01-01T00:00:10Z", ...moment },
  ]);
  assert.deepEqual(
    samples.all.map(({ finished }) => finished),
    [3, 3, 9],
  );
});

test("counters that start again, as in a new database, give no negative rate", () => {
  const samples = new Samples();
  samples.add(overview(100, 0, 0), 0);
  samples.add(overview(0, 0, 0), 5000);
  assert.deepEqual(samples.throughput().points, [[5000, 0]]);
});

test("jobs wait in vain in paused queues, and in those that no worker serves", () => {
  const queues = [
    { ...QUEUE, name: "paused", paused: true },
    { ...QUEUE, name: "served" },
    { ...QUEUE, name: "unserved" },
    { ...QUEUE, name: "empty", queued: 0 },
  ];
  const names = (runners) => {
    const { paused, unserved } = blockedQueues({ queues, runners });
    return [paused, unserved].map((each) => each.map(({ name }) => name));
  };
  assert.deepEqual(names([{ queues: ["paused", "served"] }]), [["paused"], ["unserved"]]);
  assert.deepEqual(names([{ queues: ["served"] }, { queues: null }]), [["paused"], []]);
  assert.deepEqual(names([{ queues: null, stale: true }]), [["paused"], []]);
  const other = { queues: ["served"], stale: true };
  assert.deepEqual(names([other, { queues: ["paused"] }]), [["paused"], ["served", "unserved"]]);
  assert.deepEqual(names([]), [["paused"], []]); // another alert says that no worker is running
});

test("the cells of a queue are its state, its counts and its longest wait", () => {
  assert.deepEqual(cellTexts(QUEUE), ["open", "0", "1", "–"]);
  const busy = { ...QUEUE, max_running: 2, running: 1, queued: 10_000, queued_is_more: true };
  assert.deepEqual(
    cellTexts({ ...busy, oldest_due_seconds: 90, paused_at: "2026-01-01T00:00:00Z" }).slice(1),
    ["1 of at most 2", "10,000+", "1 min 30 s"],
  );
});

test("names that would not make a new queue are refused before the call", () => {
  assert.match(refusalOf("gpu", ["gpu"]), /already exists/);
  for (const name of ["", ".", ".."]) assert.match(refusalOf(name, []), /must begin/);
  assert.equal(refusalOf("Big", []), ""); // the service refuses it
});
