import assert from "node:assert/strict";
import { test } from "node:test";

import { constraintsOf, typeOf } from "../../../server/web/pages/docs/schemaView.js";

test("types are described in words", () => {
  const text = (schema) => typeOf(schema).join("");
  assert.equal(text({ type: "string" }), "string");
  assert.equal(text({ type: "array", items: { type: "integer" } }), "list of integer");
  assert.equal(text({ anyOf: [{ type: "string" }, { type: "null" }] }), "string or null");
  assert.equal(
    text({ type: "object", additionalProperties: { type: "number" } }),
    "object of number",
  );
  assert.equal(text({ type: "object", additionalProperties: false }), "object");
  assert.equal(text({ enum: ["a", 1] }), '"a", 1');
  assert.equal(text({ type: ["string", "null"] }), "string or null");
  assert.equal(
    text({ type: ["array", "null"], items: { type: "string" } }),
    "list of string or null",
  );
  assert.equal(text({}), "any");
});

test("constraints are described in words", () => {
  const schema = { type: "integer", default: 0, minimum: 0, maximum: 20, format: "int64" };
  assert.equal(constraintsOf(schema), "int64, default 0, at least 0, at most 20");
  assert.equal(constraintsOf({ const: "ok", minLength: 1 }), "always ok, minimum length 1");
  assert.equal(constraintsOf({ type: "string" }), "");
});
