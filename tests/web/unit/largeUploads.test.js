import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  allNotes,
  forget,
  forgetAll,
  recall,
  remember,
} from "../../../server/web/lib/fileNotes.js";
import { describeSent, isLarge } from "../../../server/web/pages/submit/largeSubmission.js";
import { ApiError } from "../../../server/web/shared/api.js";
import { base64 } from "../../../server/web/uploads/calls.js";
import { LARGE_BYTES, ResumableUpload } from "../../../server/web/uploads/resumableUpload.js";
import { isWorthRepeating, Retries, withRetries } from "../../../server/web/uploads/retries.js";
import { TransferRate } from "../../../server/web/uploads/transferRate.js";

const FILE = new File(["0123456789"], "a.log", { lastModified: 5 });
const DAY_MS = 24 * 3600 * 1000;
const NEVER = new AbortController().signal;
const ignore = () => {};

/** The localStorage of a browser. */
class Storage {
  constructor() {
    this.items = new Map();
  }
  get length() {
    return this.items.size;
  }
  key = (at) => [...this.items.keys()][at] ?? null;
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => this.items.set(key, value);
  removeItem = (key) => this.items.delete(key);
}

/** A service with one upload. It breaks connections after so many bytes. */
class Service {
  constructor(breaks = []) {
    this.breaks = breaks;
    this.upload = null;
    this.begun = 0;
    this.offsets = [];
    globalThis.fetch = (path, init) => this.answer(path, init);
    const service = this;
    globalThis.XMLHttpRequest = class {
      upload = {};
      headers = {};
      status = 204;
      responseText = "";
      open() {}
      abort() {}
      setRequestHeader = (name, value) => (this.headers[name] = value);
      getResponseHeader = () => String(service.upload.text.length);
      send = (blob) => service.receive(this, blob);
    };
  }

  async answer(path, { method, headers }) {
    if (method === "POST") {
      this.begun += 1;
      this.upload = { id: `id${this.begun}`, size: headers["Upload-Length"], text: "" };
      return new Response(JSON.stringify({ upload_id: this.upload.id }), { status: 201 });
    }
    if (path !== `/uploads/${this.upload?.id}`) return new Response(null, { status: 404 });
    const offset = String(this.upload.text.length);
    return new Response(null, {
      headers: { "Upload-Offset": offset, "Upload-Length": this.upload.size },
    });
  }

  async receive(xhr, blob) {
    this.offsets.push(Number(xhr.headers["Upload-Offset"]));
    const most = this.breaks.shift();
    this.upload.text += (await blob.text()).slice(0, most);
    if (most === undefined) xhr.onload();
    else xhr.onerror();
    xhr.onloadend();
  }
}

beforeEach(() => {
  globalThis.localStorage = new Storage();
  globalThis.navigator ??= {};
});

test("an upload goes on at the offset of the service after each lost connection", async () => {
  const service = new Service([3, 4]);
  const upload = await ResumableUpload.open(FILE);
  const waits = [];
  const sent = [];
  await upload.send(
    NEVER,
    (bytes) => sent.push(bytes),
    (error) => waits.push(error.message),
  );
  assert.equal(service.upload.text, "0123456789");
  assert.deepEqual(service.offsets, [0, 3, 7]);
  assert.deepEqual(waits, ["The connection was lost.", "The connection was lost."]);
  assert.equal(sent.at(-1), 10);
  upload.release();
});

test("a file that is chosen again continues its upload", async () => {
  const service = new Service();
  (await ResumableUpload.open(FILE)).release();
  service.upload.text = "01234";
  const again = new File(["0123456789"], "a.log", { lastModified: 5 });
  const upload = await ResumableUpload.open(again);
  await upload.send(NEVER, ignore, ignore);
  assert.deepEqual([service.begun, service.offsets], [1, [5]]);
  assert.equal(service.upload.text, "0123456789");
  await upload.discard();
  assert.deepEqual(allNotes(), []);
});

test("a changed file, an expired upload and one that is being sent begin anew", async () => {
  const service = new Service();
  const first = await ResumableUpload.open(FILE);
  const second = await ResumableUpload.open(FILE);
  assert.notEqual(first.id, second.id);
  second.release();
  service.upload = null;
  const third = await ResumableUpload.open(FILE);
  const changed = new File(["0123456789"], "a.log", { lastModified: 6 });
  const fourth = await ResumableUpload.open(changed);
  assert.equal(service.begun, 4);
  for (const each of [first, third, fourth]) each.release();
});

test("a file that cannot be read any more ends its upload", async () => {
  new Service([0]);
  const upload = await ResumableUpload.open(FILE);
  const text = () => "0123456789";
  const broken = { ...upload.file, size: 10, slice: () => ({ arrayBuffer, text }) };
  const arrayBuffer = async () => {
    throw new DOMException("", "NotReadableError");
  };
  upload.file = broken;
  await assert.rejects(upload.send(NEVER, ignore, ignore), /The file has changed/);
  upload.release();
});

test("only failures that may pass are repeated", () => {
  for (const [status, code, expected] of [
    [0, "", true],
    [503, "unavailable", true],
    [503, "store_damaged", false],
    [409, "offset_conflict", true],
    [409, "upload_not_ready", true],
    [409, "too_many_uploads", false],
    [423, "", true],
    [422, "invalid_fields", false],
    [507, "disk_full", false],
  ])
    assert.equal(isWorthRepeating(new ApiError(status, "", [], code)), expected, code || status);
  assert.equal(isWorthRepeating(new TypeError("a bug")), false);
});

test("pauses grow up to 5 s, and there is none after 15 minutes without success", () => {
  const retries = new Retries();
  const error = new ApiError(0, "lost");
  const pauses = Array.from({ length: 12 }, () => retries.pause(error, 1000));
  assert.ok(pauses[0] >= 100 && pauses[0] <= 200);
  assert.ok(pauses[11] >= 2500 && pauses[11] <= 5000);
  assert.throws(() => retries.pause(error, 1001 + 15 * 60_000), error);
  retries.reset();
  assert.ok(retries.pause(error, 10 ** 9) <= 200);
});

test("a pause ends at once when the reader cancels", async () => {
  const stop = new AbortController();
  const work = () => Promise.reject(new ApiError(0, "lost"));
  const running = withRetries(work, stop.signal, () => queueMicrotask(() => stop.abort()));
  await assert.rejects(running, { name: "AbortError" });
});

test("the rate is that of the last seconds, and is measured anew after a step back", () => {
  const rate = new TransferRate();
  assert.equal(rate.perSecond(), null);
  for (const [bytes, at] of [
    [0, 0],
    [100, 1000],
    [1100, 11_000],
    [3100, 12_000],
  ])
    rate.add(bytes, at);
  assert.equal(rate.perSecond(), 3000 / 11);
  rate.add(5100, 17_000);
  assert.equal(rate.perSecond(), 400);
  rate.add(10, 18_000);
  assert.equal(rate.perSecond(), null);
});

test("an upload is described with bytes, percent, rate and the time that is left", () => {
  const [sent, total] = [3 * 1024 ** 3, 10 * 1024 ** 3];
  assert.equal(describeSent(sent, total, null), "3 GiB of 10 GiB (30 %)");
  assert.equal(
    describeSent(sent, total, 100 * 1024 ** 2),
    "3 GiB of 10 GiB (30 %) · 100 MiB/s · 1 min 12 s left",
  );
});

test("one file from 64 MiB on is large; several files of one job are not", () => {
  const large = { size: LARGE_BYTES };
  assert.deepEqual([[large], [{ size: LARGE_BYTES - 1 }], [large, large], []].map(isLarge), [
    true,
    false,
    false,
    false,
  ]);
});

test("a note belongs to a name, a size and a time of change", () => {
  remember(FILE, "one");
  assert.equal(recall({ name: "a.log", size: 10, lastModified: 5 }), "one");
  for (const other of [{ name: "b.log" }, { size: 11 }, { lastModified: 6 }])
    assert.equal(recall({ name: "a.log", size: 10, lastModified: 5, ...other }), null);
  forget(FILE, "another");
  assert.equal(recall(FILE), "one");
  forget(FILE, "one");
  assert.equal(recall(FILE), null);
});

test("notes are forgotten after a week and at a sign-out, and those of others stay", (t) => {
  localStorage.setItem("theirs", "x");
  t.mock.method(Date, "now", () => 0);
  remember(FILE, "old");
  Date.now.mock.mockImplementation(() => 8 * DAY_MS);
  remember({ name: "b.log", size: 1, lastModified: 1 }, "new");
  assert.deepEqual(
    allNotes().map(({ note }) => note),
    ["new"],
  );
  forgetAll();
  assert.deepEqual([allNotes(), localStorage.length], [[], 1]);
});

test("without localStorage, nothing is remembered", () => {
  globalThis.localStorage = null;
  remember(FILE, "one");
  assert.equal(recall(FILE), null);
});

test("the name of a file is sent as Base64 of UTF-8", () => {
  assert.equal(Buffer.from(base64("größe €.log"), "base64").toString(), "größe €.log");
});
