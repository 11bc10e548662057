import assert from "node:assert/strict";
import { test } from "node:test";

import { metadataIn, metadataText } from "../../../server/web/shared/metadata.js";

test("each line of metadata is a name and a value, which is JSON if it can be read as such", () => {
  assert.deepEqual(metadataIn("order=7\r\n\n who = Ann B \nurl=https://x/?a=b\nids=[1, 2]\n"), {
    order: 7,
    who: "Ann B",
    url: "https://x/?a=b",
    ids: [1, 2],
  });
  assert.deepEqual(metadataIn(" \n"), {});
});

test("a line without a name or an equals sign is named", () => {
  assert.throws(() => metadataIn("order=7\nurgent"), /"urgent" is not name=value/);
  assert.throws(() => metadataIn("=7"), /"=7" is not name=value/);
});

test("metadata that is shown as text is read as the same values", () => {
  const values = [7, "7", "seven", " x ", true, "true", null, "", { a: ["b"] }, "a\nb", '"x"'];
  const metadata = Object.fromEntries(values.map((value, at) => [`n${at}`, value]));
  assert.deepEqual(metadataIn(metadataText(metadata)), metadata);
  assert.equal(metadataText({ who: "Ann B", order: 7 }), "who=Ann B\norder=7");
});
