import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCsv, separatorOf } from "../../../server/web/pages/job/csv.js";
import { canPreview } from "../../../server/web/pages/job/fileKinds.js";

const rows = (/** @type {string} */ text) => parseCsv(text, ",", 10, 10);

test("rows have cells, with or without quotes", () => {
  assert.deepEqual(rows("a,b\n1,2\n"), [
    ["a", "b"],
    ["1", "2"],
  ]);
  assert.deepEqual(rows('a,"b, c"\r\n"d ""e""","f\ng"'), [
    ["a", "b, c"],
    ['d "e"', "f\ng"],
  ]);
  assert.deepEqual(rows("a,\n,\n\n"), [["a", ""], ["", ""], [""]]);
  assert.deepEqual(rows('5" disk,x"y'), [['5" disk', 'x"y']]);
  assert.deepEqual(rows(""), []);
});

test("rows and cells are limited", () => {
  assert.deepEqual(parseCsv("a,b,c\nd,e,f\ng,h,i", ",", 2, 2), [
    ["a", "b"],
    ["d", "e"],
  ]);
});

test("the separator is the most frequent one of the first line", () => {
  assert.equal(separatorOf("a;b;c,d\n1,2,3,4,5"), ";");
  assert.equal(separatorOf("a\tb"), "\t");
  assert.equal(separatorOf("a"), ",");
});

test("texts and images have previews, and files whose type is not known yet", () => {
  const shown = ["text/plain", "text/html", "application/json", "image/png", "image/svg+xml", null];
  assert.deepEqual(
    shown.map(canPreview),
    shown.map(() => true),
  );
  const others = ["application/zip", "video/mp4", "image/x-unknown", "application/octet-stream"];
  assert.deepEqual(
    others.map(canPreview),
    others.map(() => false),
  );
});
