// Events for a reader that takes its time.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { FIRST_DELAY, live, socket } from "./following.mjs";
import { event, events } from "./server.mjs";

test("iteration gives every event in order, those that came before it too", async () => {
  const { tracker } = live(0, { onEvent: undefined });
  socket().say(...events(1, 2, 3));
  const seen = [];
  for await (const { position } of tracker) {
    seen.push(position);
    if (position === 3) socket().say(...events(4, 5));
    if (position === 5) break;
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  assert.equal(tracker.state, "closed", "leaving the loop closes");
});

test("a reader that waits gets the next event", async () => {
  const { tracker } = live(0, { onEvent: undefined });
  const reader = tracker[Symbol.asyncIterator]();
  const both = Promise.all([reader.next(), reader.next()]);
  socket().say(...events(1, 2));
  assert.deepEqual((await both).map(({ value }) => value.position), [1, 2]);
  assert.equal(tracker.cursor, 2);
});

test("the cursor is that of the last event taken, while the connection resumes after the last one received", async () => {
  const { tracker } = live(5, { onEvent: undefined });
  const reader = tracker[Symbol.asyncIterator]();
  socket().say(...events(6, 7, 8));
  assert.equal(tracker.cursor, 5);
  await reader.next();
  assert.equal(tracker.cursor, 6);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(9);
  assert.equal(socket().subscription.after, 8);
  socket().catchUp(9);
  const rest = [await reader.next(), await reader.next(), await reader.next()];
  assert.deepEqual(rest.map(({ value }) => value.position), [7, 8, 9]);
  assert.equal(tracker.cursor, 9);
});

test("a slow reader's events wait, and are taken in order at any length", async () => {
  const { tracker } = live(0, { onEvent: undefined });
  const reader = tracker[Symbol.asyncIterator]();
  const seen = [];
  let said = 0;
  for (let round = 0; round < 100; round += 1) {
    for (let count = 0; count < 20; count += 1) socket().say(event(++said));
    for (let count = 0; count < 13; count += 1) seen.push((await reader.next()).value.position);
  }
  while (seen.length < said) seen.push((await reader.next()).value.position);
  assert.deepEqual(seen, Array.from({ length: 2000 }, (_, index) => index + 1));
});

test("events of a log that was replaced are not read after the reset", async () => {
  const { tracker, told } = live(5, { onEvent: undefined });
  socket().say(event(6));
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(1, "log-2").confirm(0).say({ type: "reset", epoch: "log-2", head: 1 }, event(1));
  const { value } = await tracker[Symbol.asyncIterator]().next();
  assert.equal(value.position, 1);
  assert.equal(told.resets.length, 1);
});

test("a refused subscription is thrown at the reader, after what came before it", async () => {
  const { tracker } = live(0, { onEvent: undefined });
  const reader = tracker[Symbol.asyncIterator]();
  socket().say(event(1));
  tracker.subscribe(["nonsense"]);
  socket().say({ type: "error", error: "No channel.", code: "invalid_query", ref: socket().subscription.ref });
  assert.equal((await reader.next()).value.position, 1);
  await assert.rejects(reader.next(), { code: "invalid_query" });
  await assert.rejects(tracker[Symbol.asyncIterator]().next(), { code: "invalid_query" });
});

test("a page takes its events by onEvent or by iteration, not by both", async () => {
  const { tracker } = live();
  await assert.rejects(tracker[Symbol.asyncIterator]().next(), TypeError);
  assert.equal(tracker.state, "live");
});
