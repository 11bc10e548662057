import assert from "node:assert/strict";
import { test } from "node:test";

import { linesOf as linesOfReason } from "../../../server/web/analysis/explanationsPanel.js";
import { linesQuery, pieces } from "../../../server/web/analysis/linesPanel.js";
import { combination } from "../../../server/web/analysis/combinationFields.js";
import {
  keyOf,
  linesOf,
  payloadWith,
  templateRegex,
} from "../../../server/web/analysis/patterns.js";
import { payloadOf } from "../../../server/web/analysis/questionPanel.js";
import { describeLines, mostFrequentFirst } from "../../../server/web/analysis/patternsPanel.js";
import { sampleText } from "../../../server/web/analysis/samplesPanel.js";
import { burstsOf, timelineOf } from "../../../server/web/analysis/timeline.js";

const DAY = Date.parse("2026-01-01T00:00:00Z") / 1000;
const AXIS = { start: 0, step: 60 };
const TIMELINE = {
  start: "2026-01-01T00:00:00Z",
  bin_seconds: 60,
  bins: 2,
  total: [5, 6],
  patterns: { a: [1, 2] },
  levels: { ERROR: [0, 3] },
  undated: 4,
};
const histogram = (unit, lines, undated = 0) => ({ unit, lines, undated_lines: undated });

test("what belongs to patterns is sorted by their counts", () => {
  const counts = { 404: 2, apple: 0, error: 9 };
  const values = { 404: "b", apple: "c", error: "a" };
  assert.deepEqual(
    mostFrequentFirst(counts, values).map(([, value]) => value),
    ["a", "b", "c"],
  );
  assert.deepEqual(mostFrequentFirst(counts, undefined), []);
});

test("matching lines are described by their number, the first and the last", () => {
  const analysis = {
    counts: {},
    matching_lines: { a: 3, b: 1, c: 0 },
    first_line: { a: 5, b: 7, c: null },
    last_line: { a: 1234, b: 7, c: null },
  };
  assert.equal(describeLines(analysis, "a"), "in 3 lines, from line 5 to line 1,234");
  assert.equal(describeLines(analysis, "b"), "in line 7");
  assert.equal(describeLines(analysis, "c"), "");
  assert.equal(describeLines({ counts: {} }, "a"), "");
  const records = describeLines({ ...analysis, counted: "records" }, "a");
  assert.equal(records, "in 3 records, from line 5 to line 1,234");
});

test("a timeline of the service is taken as it is", () => {
  assert.deepEqual(timelineOf({ timeline: TIMELINE }), {
    start: DAY,
    step: 60,
    bins: 2,
    total: [5, 6],
    undated: 4,
    outside: 0,
    stacks: { patterns: { a: [1, 2] }, levels: { ERROR: [0, 3] } },
  });
  const outliers = { timeline: { ...TIMELINE, before: 1, after: 2 } };
  assert.equal(timelineOf(outliers)?.outside, 3);
  assert.equal(timelineOf({ timeline: { ...TIMELINE, start: null } }), null);
  assert.equal(timelineOf({}), null);
});

test("the histograms of patterns get one axis, with zeros", () => {
  const a = histogram(
    "minute",
    [
      ["2026-01-01T00:01:00Z", 3],
      ["2026-01-01T00:03:00Z", 1],
    ],
    2,
  );
  const b = histogram("minute", [["2026-01-01T00:00:00Z", 7]]);
  const { start, step, bins, stacks, undated } = timelineOf({ histogram: { a, b } });
  assert.deepEqual([start, step, bins, undated], [DAY, 60, 4, 2]);
  assert.deepEqual(stacks.patterns, { a: [0, 3, 0, 1], b: [7, 0, 0, 0] });
  assert.equal(timelineOf({ histogram: { a: histogram("minute", []) } }), null);
});

test("the seconds of a day, the days of ten years and many months fit 200 bins, and no line is lost", () => {
  const at = (seconds) => new Date((DAY + seconds) * 1000).toISOString();
  const spread = (unit, seconds) =>
    histogram(
      unit,
      Array.from({ length: 5000 }, (_, n) => [at((n * seconds) / 5000), 1]),
    );
  for (const [unit, seconds, step] of [
    ["second", 86400, 600],
    ["day", 3650 * 86400, 19 * 86400],
  ]) {
    const found = timelineOf({ histogram: { a: spread(unit, seconds) } });
    assert.equal(found.step, step);
    assert.ok(found.bins > 50 && found.bins <= 201, found.bins);
    assert.equal(
      found.stacks.patterns.a.reduce((x, y) => x + y),
      5000,
    );
  }
  const months = Array.from({ length: 600 }, (_, n) => [
    new Date(Date.UTC(1970, n)).toISOString(),
    1,
  ]);
  const { patterns } = timelineOf({ histogram: { a: histogram("month", months) } }).stacks;
  assert.equal(
    patterns.a.reduce((x, y) => x + y),
    600,
  );
});

test("each of up to 200 months has a bin of its own", () => {
  const months = Array.from({ length: 190 }, (_, n) => [
    new Date(Date.UTC(1999, n)).toISOString(),
    1,
  ]);
  const { bins, stacks } = timelineOf({ histogram: { a: histogram("month", months) } });
  assert.equal(bins, 190);
  assert.deepEqual(stacks.patterns.a, new Array(190).fill(1));
});

const X = { key: "x", name: "x" };

test("a burst has neighboring bins with four times the lines of the median bin", () => {
  const bursts = burstsOf(X, [5, 5, 19, 20, 30, 5, 5, 90, 5, 5], AXIS);
  assert.deepEqual(bursts, [
    { ...X, from: 420, until: 480, count: 90, expected: 5 },
    { ...X, from: 180, until: 300, count: 50, expected: 5 },
  ]);
  assert.deepEqual(burstsOf(X, [0, 9, 0], AXIS), []);
  assert.deepEqual(burstsOf(X, [3, 3, 14, 3], AXIS), []);
  assert.deepEqual(burstsOf(X, [], AXIS), []);
});

const query = (values) => linesQuery((name) => values[name] ?? null);

test("lines are asked for once a range, a text or a line is chosen", () => {
  assert.equal(query({ context: "2", ignore_case: "true", zone: "local" }), null);
  assert.deepEqual(query({ from: "a", context: "2", ignore_case: "true" }), { from: "a" });
  assert.deepEqual(query({ to: "b", regex: "x+", context: "2", ignore_case: "true" }), {
    to: "b",
    regex: "x+",
    ignore_case: "true",
    before: "2",
    after: "2",
  });
  assert.deepEqual(query({ line: "5", match: "x" }), { line: "1" });
  assert.deepEqual(query({ line: "500", from: "a" }), { line: "490" });
});

test("a text is cut at its matches, which count characters", () => {
  assert.deepEqual(
    pieces("a🙂b error", [
      [1, 2],
      [4, 9],
    ]),
    [
      { text: "a", isMatch: false },
      { text: "🙂", isMatch: true },
      { text: "b ", isMatch: false },
      { text: "error", isMatch: true },
    ],
  );
  assert.deepEqual(pieces("", []), []);
});

test("a pattern becomes a filter of lines", () => {
  const none = { match: null, regex: null, ignore_case: null };
  assert.deepEqual(linesOf({ pattern: "a.b" }), { ...none, match: "a.b" });
  assert.deepEqual(linesOf({ pattern: "a.b", word: true }), { ...none, regex: "\\b(?:a\\.b)\\b" });
  assert.deepEqual(linesOf({ pattern: "a.b", regex: true, ignore_case: true }), {
    ...none,
    regex: "a.b",
    ignore_case: "true",
  });
  assert.equal(linesOf({ name: "x", all: ["a"] }), null);
});

test("a template becomes a regex", () => {
  const regex = templateRegex("Accepted (<*>) for <*>  [x]");
  assert.ok(new RegExp(regex).test("Accepted (key) for root [x]"));
  assert.ok(!new RegExp(regex).test("Accepted key for root [x]"));
  const status = new RegExp(templateRegex('"GET <*>" 5xx'));
  assert.ok(status.test('"GET /a HTTP/1.1" 503 17') && !status.test('"GET /a" 403 17'));
});

test("the same is asked with other patterns", () => {
  const job = { payload: { patterns: ["a"], samples: 2 } };
  const more = [{ pattern: "a" }, { pattern: "b", regex: true }];
  const patterns = ["a", { pattern: "b", regex: true }];
  assert.deepEqual(payloadWith(job, more), { samples: 2, patterns });
  assert.deepEqual(payloadWith(job, []), { samples: 2 });
  const auto = { payload: { patterns: "auto" } };
  assert.deepEqual(payloadWith(auto, [{ pattern: "b" }]), {
    patterns: ["b"],
    overview: true,
    histogram: "auto",
  });
});

test("a sample has the numbers of its lines", () => {
  assert.equal(sampleText("ERROR"), "ERROR");
  const sample = { line: 10, time: null, text: "c", before: ["a", "b"], after: ["d"] };
  assert.equal(sampleText(sample), "8  a\n9  b\n10: c\n11  d\n");
  assert.equal(sampleText({ ...sample, before: [], after: [] }), "10: c");
});

test("a combination has the key that the service gives it", () => {
  const made = combination([["ERROR", "db"], ["a", "b"], ["retry"]], {});
  assert.deepEqual(made, { all: ["ERROR", "db"], any: ["a", "b"], none: ["retry"] });
  assert.equal(keyOf(made), "ERROR AND db AND a OR b NOT retry");
  const folded = combination([["x"], [], []], { ignore_case: true });
  assert.deepEqual(folded, { all: [{ pattern: "x", ignore_case: true }] });
  assert.equal(keyOf(folded), "x");
  assert.equal(keyOf({ ...made, name: "bad" }), "bad");
  assert.equal(keyOf({ all: ["x".repeat(300)] }).length, 200);
});

test("another question keeps what it does not ask for", () => {
  const payload = { patterns: ["a"], samples: 2, context: 1, lines: false };
  const none = { from: "", until: "", samples: "", context: "" };
  assert.deepEqual(payloadOf(payload, none, false), { patterns: ["a"], lines: false });
  assert.deepEqual(payloadOf(payload, { ...none, from: " -1h ", samples: "5" }, true), {
    patterns: ["a"],
    from: "-1h",
    samples: 5,
    histogram: "auto",
    lines: true,
  });
  const hourly = { histogram: "hour" };
  assert.deepEqual(payloadOf(hourly, none, true), hourly);
  assert.deepEqual(payloadOf(hourly, none, false), {});
});

test("another question counts lines, records, or records that a regex names", () => {
  const ask = (/** @type {string} */ records) => payloadOf({ records: "x" }, { records }, false);
  assert.deepEqual(ask(""), {});
  assert.deepEqual(ask("lines"), {});
  assert.deepEqual(ask(" multi_line "), { records: "multi_line" });
  assert.deepEqual(ask("[0-9]{6} "), { records: { start: "[0-9]{6} " } });
});

test("each reason shows its lines, but for slow fields and what is missing", () => {
  const cause = (kind, key, inside = 9, text = key) => ({ kind, key, inside, text });
  const found = {
    causes: [
      cause("level", "ERROR"),
      cause("status", "5xx"),
      cause("template", "t1", 9, "disk <*> full"),
      cause("field", "web-3"),
      cause("field", "web-4", 0),
    ],
    slow: [{ field: "ms", p95: 9, usual: 1 }],
    first: [{ template: "new" }],
    stopped: [{ template: "old" }],
  };
  const all = Array.from({ length: 9 }, (_, at) => linesOfReason(found, at));
  assert.deepEqual(all, [
    { level: "ERROR" },
    { status: "5xx" },
    { regex: "disk\\s*.*?\\s*full" },
    { match: "web-3" },
    null,
    null,
    { regex: "new" },
    { regex: "old" },
    null,
  ]);
});
