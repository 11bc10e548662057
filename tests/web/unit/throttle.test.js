import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { throttle } from "../../../server/web/lib/throttle.js";

const MS = 1000;

/** Runs `body` with a fake clock. `advance` moves it on and lets promises settle. */
async function withClock(t, body) {
  let now = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(performance, "now", () => now);
  const advance = async (ms) => {
    now += ms;
    mock.timers.tick(ms);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  try {
    await body(advance);
  } finally {
    mock.timers.reset();
  }
}

test("many calls are one run at once, and one more after the interval", (t) =>
  withClock(t, async (advance) => {
    let runs = 0;
    const call = throttle(MS, () => (runs += 1));
    call();
    call();
    await advance(0);
    assert.equal(runs, 1);
    call();
    call();
    await advance(MS - 1);
    assert.equal(runs, 1);
    await advance(1);
    assert.equal(runs, 2);
    await advance(10 * MS);
    assert.equal(runs, 2);
  }));

test("a run that takes long is not run twice at the same time", (t) =>
  withClock(t, async (advance) => {
    let runs = 0;
    let finish = () => {};
    const call = throttle(MS, () => {
      runs += 1;
      return new Promise((resolve) => (finish = resolve));
    });
    call();
    await advance(0);
    call();
    await advance(5 * MS);
    assert.equal(runs, 1);
    finish();
    await advance(0);
    await advance(0);
    assert.equal(runs, 2);
  }));

test("nothing runs after a stop", (t) =>
  withClock(t, async (advance) => {
    let runs = 0;
    const call = throttle(MS, () => (runs += 1));
    call();
    call.stop();
    call();
    await advance(5 * MS);
    assert.equal(runs, 0);
  }));
