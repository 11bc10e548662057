import assert from "node:assert/strict";
import { test } from "node:test";

import {
  describeErrors,
  fieldErrorsOf,
  messageOf,
  statusOf,
} from "../../../server/web/lib/errors.js";
import { ApiError, parseResponse } from "../../../server/web/shared/api.js";

const ERRORS = [{ field: "queue", detail: "there is no such queue" }];

test("the status, message and field errors of an error are read", () => {
  const error = new ApiError(422, "2 errors", ERRORS);
  assert.equal(statusOf(error), 422);
  assert.equal(messageOf(error), "2 errors");
  assert.deepEqual(fieldErrorsOf(error), ERRORS);
});

test("anything else that was thrown has a message alone", () => {
  assert.deepEqual([statusOf(new TypeError("x")), fieldErrorsOf(null)], [null, []]);
  assert.deepEqual([messageOf("text"), messageOf(new TypeError("x"))], ["text", "x"]);
});

test("errors of fields are described in one line", () => {
  const more = [...ERRORS, { field: "delay", detail: "is below 0" }];
  assert.equal(describeErrors(more), "queue: there is no such queue; delay: is below 0");
});

test("a response is parsed as JSON, and an empty one is null", () => {
  assert.deepEqual(parseResponse(200, '{"a": 1}'), { a: 1 });
  assert.equal(parseResponse(204, ""), null);
});

test("an error response is thrown with its detail", () => {
  const text = JSON.stringify({ detail: "no", errors: ERRORS });
  assert.throws(() => parseResponse(422, text), { status: 422, message: "no", errors: ERRORS });
  assert.throws(() => parseResponse(500, ""), { status: 500, message: "HTTP status 500" });
});

test("an internal error names its request", () => {
  const problem = JSON.stringify({ detail: "internal error", request_id: "6b1f" });
  assert.throws(() => parseResponse(500, problem), { message: "internal error (request 6b1f)" });
});

test("a response of a proxy, which is not JSON, is thrown with a hint", () => {
  assert.throws(() => parseResponse(502, "<html>"), { status: 502, message: /502.*proxy/ });
  assert.throws(() => parseResponse(200, "<html>"), { status: 200 });
});
