import assert from "node:assert/strict";
import { test } from "node:test";

import { layersOf, stepsOf } from "../../../server/web/pages/jobs/pipelineLayout.js";

/** @typedef {import("../../../server/web/types.js").PipelineJobDocument} PipelineJob */

/**
 * @param {string} id
 * @param {string[]} after
 * @returns {PipelineJob}
 */
const job = (id, after = []) => ({ job_id: id, name: id, type: "sleep", status: "queued", after });

test("a job stands one layer behind the last job that it waits for, in any order", () => {
  const jobs = [job("end", ["right", "start"]), job("right", ["start"]), job("start", ["other"])];
  assert.deepEqual(Object.fromEntries(layersOf(jobs)), { end: 2, right: 1, start: 0 });
});

test("a batch in which no job waits for another has no graph", () => {
  assert.deepEqual(stepsOf({ batch_id: "1", jobs: [job("a"), job("b")], then: null }), []);
});

test("steps of a layer have rows near those that they wait for", () => {
  const jobs = [job("a"), job("b"), job("of-b", ["b"]), job("of-a", ["a"])];
  const steps = stepsOf({ batch_id: "1", jobs, then: null });
  const places = steps.map(({ key, layer, row }) => [key, layer, row]);
  assert.deepEqual(places, [
    ["a", 0, 0],
    ["b", 0, 1],
    ["of-a", 1, 0],
    ["of-b", 1, 1],
  ]);
});

test("the job that follows stands behind those for which no other waits", () => {
  const jobs = [job("a"), job("b", ["a"]), job("c")];
  const steps = stepsOf({ batch_id: "1", jobs, then: job("last") });
  const last = steps.at(-1);
  assert.deepEqual(
    [last?.key, last?.layer, last?.after, last?.isLast],
    ["last", 2, ["b", "c"], true],
  );
});

test("many jobs are groups of one layer and type", () => {
  const many = ["1", "2", "3"].flatMap((n) => [job(`a${n}`), job(`b${n}`, [`a${n}`])]);
  const steps = stepsOf({ batch_id: "1", jobs: many, then: null }, 5);
  const shown = steps.map(({ key, jobs, after }) => [key, jobs.length, after]);
  assert.deepEqual(shown, [
    ["0 sleep", 3, []],
    ["1 sleep", 3, ["0 sleep"]],
  ]);
});
