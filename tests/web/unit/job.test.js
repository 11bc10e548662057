import assert from "node:assert/strict";
import { test } from "node:test";

import { scaleOf } from "../../../server/web/pages/job/attempts.js";
import { commandsOf } from "../../../server/web/pages/job/documents.js";
import { entryText, FILTERS, overwritten } from "../../../server/web/pages/job/output.js";
import { durationOf } from "../../../server/web/pages/jobs/jobRow.js";
import { shellQuote } from "../../../server/web/shared/curl.js";

globalThis.location = { origin: "http://jobs.test" };

const START = "2026-01-01T00:00:00Z";
const LATER = "2026-01-01T00:00:05Z";
const NOW = Date.parse("2026-01-01T00:01:00Z");
const JOB = {
  job_id: "1",
  type: "sleep",
  status: "queued",
  payload: { seconds: 1 },
  queue: "default",
  tags: [],
  metadata: null,
  memory_bytes: null,
  cpu_seconds: null,
  max_output_bytes: null,
  nice: null,
  keep_for: null,
  after: [],
  on_failure: null,
  input: null,
  expires_at: null,
  finish_by: null,
  missed_at: null,
  backoff: null,
  unique_key: null,
  unique: null,
  schedule: null,
  nominal_at: null,
  concurrency_key: null,
  max_per_key: null,
  max_retries: 1,
  max_losses: 10,
  timeout: null,
  priority: 0,
  upload: null,
  files: 0,
};

const PRINTED = {
  time: START,
  stream: "stdout",
  level: null,
  logger: null,
  message: "é",
  fields: null,
  traceback: null,
  position: 0,
};
const LOGGED = {
  ...PRINTED,
  stream: "log",
  level: "warning",
  logger: "job",
  message: "no date",
  fields: { row: 17 },
  traceback: "Traceback\n  …",
};

test("a line is shown as it is, and a log entry with its level, fields and traceback", () => {
  assert.equal(entryText(PRINTED), "é\n");
  assert.match(entryText(LOGGED), /^.+ WARNING job: no date \{"row":17\}\nTraceback\n {2}…\n$/);
});

test("output is filtered by its level and stream", () => {
  const entries = [PRINTED, { ...PRINTED, stream: "stderr" }, LOGGED, { ...LOGGED, level: "info" }];
  const found = Object.entries(FILTERS).map(([name, { matches }]) => [
    name,
    entries.filter(matches).map((entry) => entries.indexOf(entry)),
  ]);
  assert.deepEqual(Object.fromEntries(found), {
    all: [0, 1, 2, 3],
    log: [2, 3],
    warning: [2],
    error: [],
    stdout: [0],
    stderr: [1],
  });
});

test("the scale of attempts ends with the last one", () => {
  const first = { started_at: START, finished_at: START };
  const start = Date.parse(START);
  assert.deepEqual(scaleOf([first], NOW), { start, span: 1 });
  assert.deepEqual(scaleOf([first, { started_at: START, finished_at: LATER }], NOW), {
    start,
    span: 5000,
  });
});

test("behind a running attempt, the scale has room for the rest of it", () => {
  const span = (done) => scaleOf([{ started_at: START, finished_at: null }], NOW, done).span;
  assert.equal(span(null), 90_000);
  assert.equal(span(0.25), 240_000);
  assert.ok(span(1) > 60_000);
  assert.ok(Number.isFinite(span(0)));
});

test("a carriage return overwrites the line, as in a terminal", () => {
  assert.equal(overwritten("a\n10 %\r20 %\r100 %\nb"), "a\n100 %\nb");
  assert.equal(overwritten("long line\rshort"), "shortline");
  assert.equal(overwritten("kept\r\nas it is\r"), "kept\nas it is");
});

test("a row tells how long its job ran, has been running, or when it is due", () => {
  const running = { status: "running", run_at: START, started_at: START, finished_at: null };
  assert.equal(durationOf(running, NOW), "for 1 min");
  assert.equal(durationOf({ ...running, status: "failed", finished_at: LATER }, NOW), "5 s");
  assert.equal(durationOf({ ...running, status: "queued", started_at: null }, NOW), "");
  const due = { ...running, status: "queued", run_at: "2026-01-02T00:00:00Z", started_at: null };
  assert.match(durationOf(due, NOW), /^due Jan/);
});

test("a text becomes one word of a shell", () => {
  assert.equal(shellQuote("it's $HOME"), "'it'\\''s $HOME'");
});

test("the commands are those that the status of the job allows", () => {
  const names = (status) => commandsOf({ ...JOB, status }).map(([name]) => name);
  const first = "Submit a job like this";
  assert.deepEqual(names("running"), [first, "Show", "Cancel", "Output"]);
  assert.deepEqual(names("failed"), [first, "Show", "Retry", "Delete", "Output"]);
  assert.deepEqual(names("succeeded"), [first, "Show", "Delete", "Output"]);
});

test("the command for a job like this has its options, and the file as a form", () => {
  const command = (job) => commandsOf({ ...JOB, ...job })[0][1];
  assert.equal(
    command({}),
    "curl -s -X POST 'http://jobs.test/jobs' -H 'Content-Type: application/json' -d " +
      `'{"type":"sleep","payload":{"seconds":1},"max_retries":1,"max_losses":10,"priority":0}'`,
  );
  const tagged = command({ tags: ["nightly"], metadata: { order: 7 } });
  assert.ok(tagged.includes(`"tags":["nightly"],"metadata":{"order":7}`));
  const upload = command({ queue: "gpu", upload: { name: "a.log" } });
  assert.ok(upload.includes("--form-string 'queue=gpu'"));
  assert.ok(upload.endsWith(`-F 'filename=@"a.log"'`));
});
