// Reporting, and what a server may say wrong.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { TrackerError } from "../../api/dashboard/jobreel.js";
import { FIRST_DELAY, LONGEST_DELAY, connections, followed, live, socket } from "./following.mjs";
import { EPOCH, event, events } from "./server.mjs";

test("a report resolves with its place in the log", async () => {
  const { tracker } = live();
  const reported = tracker.report({ type: "job_started", job_id: "j" });
  const [sent] = socket().sentOf("job_started");
  assert.equal(sent.job_id, "j");
  assert.ok(sent.event_id.length <= 200);
  socket().say({ type: "ack", ref: sent.ref, position: 12, sequence: 1 });
  assert.deepEqual(await reported, { position: 12, sequence: 1 });
});

test("a refused report rejects with the server's code", async () => {
  const { tracker, told } = live();
  const reported = tracker.report({ type: "job_completed", job_id: "none" });
  const { ref } = socket().sentOf("job_completed")[0];
  socket().say({ type: "error", error: "No such job.", code: "job_not_found", job_id: "none", ref });
  await assert.rejects(reported, (error) => {
    assert.ok(error instanceof TrackerError);
    assert.deepEqual([error.message, error.code, error.detail.job_id], ["No such job.", "job_not_found", "none"]);
    return true;
  });
  assert.deepEqual(told.errors, []);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome();
  assert.deepEqual(socket().sentOf("job_completed"), [], "a refused report is not sent again");
});

test("reports without an answer are sent again, in order, as the same events, and later ones after them", async () => {
  const { tracker } = followed();
  const reports = ["a", "b", "c"].map((id) => tracker.report({ type: "job_started", job_id: id }));
  socket().welcome();
  const first = socket().sentOf("job_started");
  assert.deepEqual(first.map((message) => message.job_id), ["a", "b", "c"]);
  socket().say({ type: "ack", ref: first[0].ref, position: 1, sequence: 1 });
  socket().end();
  reports.push(tracker.report({ type: "job_started", job_id: "d", event_id: "mine" }));
  mock.timers.tick(FIRST_DELAY);
  socket().welcome();
  const again = socket().sentOf("job_started");
  assert.deepEqual(again.slice(0, 2), first.slice(1));
  assert.equal(again[2].event_id, "mine");
  assert.equal(new Set(again.map((message) => message.event_id)).size, 3);
  again.forEach(({ ref }, index) => socket().say({ type: "ack", ref, position: index + 2, sequence: 1 }));
  assert.deepEqual((await Promise.all(reports)).map((receipt) => receipt.position), [1, 2, 3, 4]);
});

test("a report of 64 KiB is sent, a larger one refused: it would end every connection", async () => {
  const { tracker } = live();
  const report = (padding) => tracker.report({ type: "job_started", job_id: "é", event_id: "e", padding });
  const overhead = Buffer.byteLength('{"type":"job_started","job_id":"é","event_id":"e","padding":"","ref":"r2"}');
  const most = 64 * 1024 - overhead;
  report("x".repeat(most)).catch(() => {});
  assert.equal(Buffer.byteLength(JSON.stringify(socket().sentOf("job_started")[0])), 64 * 1024);
  await assert.rejects(report("x".repeat(most + 1)), { code: "event_too_large" });
  assert.equal(socket().sentOf("job_started").length, 1);
});

test("reports without an answer are given up when something on the way finds one of them too large", async () => {
  const { tracker } = live();
  const reported = tracker.report({ type: "job_started", job_id: "j" });
  socket().end(1009);
  await assert.rejects(reported, { code: "event_too_large" });
  mock.timers.tick(FIRST_DELAY);
  socket().welcome();
  assert.deepEqual(socket().sentOf("job_started"), []);
});

test("a report that is no JSON rejects", async () => {
  const { tracker } = live();
  await assert.rejects(tracker.report({ type: "job_started", job_id: "j", number: 1n }), TypeError);
});


for (const text of ["", "{", "null", "7", "[]", '"text"', "{}", '{"type":7}', '{"type":"checkpoint"}']) {
  test(`the message ${text || "(nothing)"} is told as malformed, and the stream goes on`, () => {
    const { told } = live();
    socket().say(text, event(1));
    assert.deepEqual(told.errors.map((error) => [error.code, error.detail]), [["malformed_message", text]]);
    assert.deepEqual(told.positions, [1]);
  });
}

for (const message of [
  { ...event(1), position: "1" },
  { ...event(1), position: 0.5 },
  { ...event(1), position: 2 ** 53 },
  { ...event(1), prev: -1 },
  { type: "reset", head: 3 },
  { type: "connection_established", head: 3, epoch: 7 },
  { type: "truncated", after: 3 },
  { type: "ack", ref: "r1", position: null, sequence: 1 },
]) {
  test(`a message of the wrong shape is told as malformed: ${JSON.stringify(message)}`, () => {
    const { tracker, told } = live();
    socket().say(message);
    assert.deepEqual(told.errors.map((error) => error.code), ["malformed_message"]);
    assert.equal(tracker.cursor, 0);
    assert.equal(tracker.epoch, EPOCH);
  });
}

test("binary data is told as malformed", () => {
  const { told } = live();
  for (const data of [new ArrayBuffer(3), new Blob(["{}"])]) socket().bring(data);
  assert.deepEqual(told.errors.map((error) => error.code), ["malformed_message", "malformed_message"]);
});

test("types named like what every object has are ignored", () => {
  const { told } = live();
  socket().say({ type: "constructor" }, { type: "__proto__" }, { type: "toString" });
  assert.deepEqual(told.errors, []);
});

test("an error of the server that answers nothing of ours is told", () => {
  const { tracker, told } = live();
  socket().say({ type: "error", error: "No.", code: "invalid_query", ref: null });
  assert.deepEqual(told.errors.map((error) => error.code), ["invalid_query"]);
  assert.equal(tracker.state, "live");
});

test("a refused subscription closes for good and says why", () => {
  const { tracker, told } = followed({ channels: ["nonsense"] });
  socket().welcome();
  socket().say({ type: "error", error: "No channel.", code: "invalid_query", ref: socket().subscription.ref });
  assert.equal(tracker.state, "closed");
  assert.deepEqual(told.errors.map((error) => error.message), ["No channel."]);
  mock.timers.tick(LONGEST_DELAY);
  assert.equal(connections(), 1);
});

test("a client that is not allowed does not ask again", () => {
  const { tracker, told } = live();
  socket().end(1008, "who are you?");
  assert.equal(tracker.state, "closed");
  assert.deepEqual(told.errors.map((error) => [error.code, error.message]), [["not_allowed", "who are you?"]]);
});

test("an error of the page's own function is the page's, and the stream goes on", async (context) => {
  const thrown = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error.message));
  context.after(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  });
  const seen = [];
  live(0, {
    onEvent: ({ position }) => {
      seen.push(position);
      if (position === 1) throw new Error("the page's");
    },
  });
  socket().say(event(1), event(2));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, [1, 2]);
  assert.deepEqual(thrown, ["the page's"]);
});
