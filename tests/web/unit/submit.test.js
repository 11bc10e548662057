import assert from "node:assert/strict";
import { test } from "node:test";

import { inlined, kindOf, parseLines } from "../../../server/web/forms/schemaKinds.js";
import { formOf } from "../../../server/web/pages/submit/submission.js";

test("the kind of a field follows from the schema of its property", () => {
  const kinds = [
    [{ type: "string" }, "string"],
    [{ type: "integer" }, "integer"],
    [{ type: "boolean" }, "boolean"],
    [{ anyOf: [{ type: "number" }, { type: "null" }] }, "number"],
    [{ type: "string", enum: ["a", "b"] }, "choice"],
    [{ anyOf: [{ type: "string", enum: ["a"] }, { $ref: "#/x" }] }, "choice"],
    [{ type: "array", items: { type: "string" } }, "texts"],
    [{ type: "array", items: { anyOf: [{ type: "string" }, { $ref: "#/x" }] } }, "texts"],
    [{ type: "array", items: { type: "integer" } }, "json"],
    [{ type: "object" }, "json"],
    [{ anyOf: [{ $ref: "#/x" }, { type: "null" }] }, "json"],
    [{ const: "a" }, "choice"],
    [{}, "json"],
  ];
  for (const [schema, kind] of kinds) assert.equal(kindOf(schema), kind, JSON.stringify(schema));
});

test("a property has what it refers to, and its own default", () => {
  const definitions = { Colour: { enum: ["red", "blue"], title: "Colour" } };
  const property = { anyOf: [{ $ref: "#/$defs/Colour" }, { type: "null" }], default: "red" };
  const found = inlined(property, definitions);
  assert.deepEqual([found.enum, found.default, kindOf(found)], [["red", "blue"], "red", "choice"]);
  const text = { anyOf: [{ type: "string" }, { type: "null" }] };
  assert.equal(inlined(text, definitions), text);
});

test("a text has one value per line", () => {
  assert.deepEqual(parseLines("ERROR\r\n\n WARN \n"), ["ERROR", " WARN "]);
  assert.equal(parseLines("\n"), undefined);
});

test("a JSON array of texts or objects is read as such", () => {
  assert.deepEqual(parseLines(' ["x", {"a": 2}]\n'), ["x", { a: 2 }]);
  assert.throws(() => parseLines('[{"pattern": "a}]'), SyntaxError);
  assert.throws(() => parseLines('[ "a", b]'), SyntaxError);
});

test("a text in brackets that is not such an array has one value per line", () => {
  for (const text of ["[error]", "[a-z]", "[404]", "[]", "[null]"])
    assert.deepEqual(parseLines(text), [text]);
  assert.deepEqual(parseLines("[error]\n[warn]"), ["[error]", "[warn]"]);
  assert.deepEqual(parseLines("[a\n]b"), ["[a", "]b"]);
});

test("a form has its file last, and JSON in all fields but type and queue", () => {
  const request = { type: "analyze", payload: { patterns: ["a"] }, priority: 3, queue: "gpu" };
  const form = formOf(request, [new File(["x"], "a.log")]);
  assert.deepEqual(
    [...form].map(([name, value]) => [name, value instanceof File ? value.name : value]),
    [
      ["type", "analyze"],
      ["payload", '{"patterns":["a"]}'],
      ["priority", "3"],
      ["queue", "gpu"],
      ["filename", "a.log"],
    ],
  );
});

test("several files of one job have the same name in its form", () => {
  const files = [new File(["x"], "a.log"), new File(["y"], "b.log")];
  const form = formOf({ type: "analyze", payload: {} }, files);
  assert.deepEqual(
    form.getAll("files").map((file) => file.name),
    ["a.log", "b.log"],
  );
  assert.equal(form.get("filename"), null);
});
