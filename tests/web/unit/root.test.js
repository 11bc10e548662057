import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { atRoot, belowRoot, ROOT } from "../../../server/web/lib/root.js";

const FILE = join(dirname(fileURLToPath(import.meta.url)), "../../../server/web/lib/root.js");

test("a service with a host name of its own has no path in front", () => {
  assert.equal(ROOT, "");
  assert.equal(atRoot("/jobs"), "/jobs");
  assert.equal(belowRoot("/ui/jobs"), "/ui/jobs");
  assert.equal(belowRoot("/"), "/");
});

test("the address of the file tells the path of the service", async () => {
  const folder = await mkdtemp(join(tmpdir(), "root-"));
  try {
    const copy = join(folder, "jobs-api/ui/static/1/lib/root.mjs");
    await cp(FILE, copy, { recursive: true });
    const { ROOT, atRoot, belowRoot } = await import(copy);
    assert.equal(ROOT, `${folder}/jobs-api`);
    assert.equal(atRoot("/jobs?limit=1"), `${ROOT}/jobs?limit=1`);
    assert.equal(atRoot("#main"), "#main");
    assert.equal(atRoot("https://example.org/"), "https://example.org/");
    assert.equal(belowRoot(`${ROOT}/ui/jobs`), "/ui/jobs");
    assert.equal(belowRoot(`${ROOT}/`), "/");
    assert.equal(belowRoot(ROOT), "/");
    assert.equal(belowRoot(`${ROOT}-2/ui/jobs`), null);
    assert.equal(belowRoot("/ui/jobs"), null);
  } finally {
    await rm(folder, { recursive: true });
  }
});
