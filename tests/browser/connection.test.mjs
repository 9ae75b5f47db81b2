// Drops, silence, and the end: when it connects again, and when no more.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { connect } from "../../api/dashboard/jobreel.js";
import { FIRST_DELAY, LONGEST_DELAY, connections, followed, live, socket } from "./following.mjs";
import { EPOCH, Socket, event, events } from "./server.mjs";

for (const code of [1001, 1006, 1011, 1012, 4408]) {
  test(`a connection closed with ${code} resumes at the cursor`, () => {
    const { tracker, told } = live(5);
    socket().say(event(6));
    socket().end(code);
    assert.equal(tracker.state, "waiting");
    mock.timers.tick(FIRST_DELAY);
    socket().welcome(8);
    assert.equal(socket().subscription.after, 6);
    assert.equal(socket().subscription.epoch, EPOCH);
    socket().catchUp(7, 8);
    assert.deepEqual(told.positions, [6, 7, 8]);
    assert.deepEqual(told.errors, []);
    assert.deepEqual(told.states, ["catching_up", "live", "waiting", "connecting", "catching_up", "live"]);
  });
}

test("a drop right after a subscription from now on loses nothing", () => {
  const { told } = followed({ after: undefined });
  socket().welcome(40).confirm(40).end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(42);
  assert.equal(socket().subscription.after, 40);
  socket().catchUp(41, 42);
  assert.deepEqual(told.positions, [41, 42]);
});

test("a drop before the confirmation begins from now on again, whatever the log is by then", () => {
  const { told } = followed({ after: undefined });
  socket().welcome(40).end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(3, "log-2").confirm(3);
  assert.deepEqual(told.resets, []);
  assert.equal(socket().subscription.epoch, undefined);
});

test("attempts double from 250 ms to 30 s, spread over the whole interval, without an end", () => {
  const share = 0.8;
  followed({ random: () => share });
  for (let attempt = 0; attempt < 1_100; attempt += 1) {
    const delay = share * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
    socket().end();
    mock.timers.tick(delay - 1);
    assert.equal(connections(), attempt + 1);
    mock.timers.tick(1);
    assert.equal(connections(), attempt + 2);
  }
});

test("the interval begins anew after 10 seconds of a connection, not before", () => {
  live();
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome().catchUp();
  mock.timers.tick(9_999);
  socket().end();
  mock.timers.tick(2 * FIRST_DELAY - 1);
  assert.equal(connections(), 2);
  mock.timers.tick(1);
  socket().welcome().catchUp();
  mock.timers.tick(10_000);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  assert.equal(connections(), 4);
});

test("what an earlier connection still says is ignored", () => {
  const { told } = live(5);
  const earlier = socket();
  earlier.end();
  mock.timers.tick(FIRST_DELAY);
  earlier.say(event(6));
  earlier.end();
  assert.deepEqual(told.positions, []);
  assert.equal(connections(), 2);
});

test("a page that is online again does not wait", (context) => {
  const page = new EventTarget();
  const listened = [];
  for (const name of ["addEventListener", "removeEventListener"]) {
    globalThis[name] = (event, listener) => {
      listened.push([name, event]);
      page[name](event, listener);
    };
    context.after(() => delete globalThis[name]);
  }
  const { tracker } = live();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    socket().end();
    mock.timers.tick(LONGEST_DELAY);
  }
  socket().end();
  const before = connections();
  page.dispatchEvent(new Event("online"));
  assert.equal(connections(), before + 1);
  mock.timers.tick(9_000);
  assert.equal(connections(), before + 1, "the attempt that was waited for is not made as well");
  page.dispatchEvent(new Event("online"));
  mock.timers.tick(10_999);
  assert.equal(tracker.state, "connecting", "an attempt under way keeps its time");
  // Connected, it asks whether the connection outlived the change of networks.
  socket().welcome().catchUp();
  page.dispatchEvent(new Event("online"));
  assert.equal(socket().sentOf("ping").length, 1);
  tracker.close();
  page.dispatchEvent(new Event("online"));
  assert.equal(connections(), before + 1);
  assert.deepEqual(listened, [["addEventListener", "online"], ["removeEventListener", "online"]]);
});


test("a silent connection is asked after 60 seconds and given up 10 seconds later", () => {
  const { tracker } = live(5);
  mock.timers.tick(59_999);
  assert.deepEqual(socket().sentOf("ping"), []);
  mock.timers.tick(1);
  assert.equal(socket().sentOf("ping").length, 1);
  mock.timers.tick(9_999);
  assert.equal(tracker.state, "live");
  mock.timers.tick(1);
  assert.equal(tracker.state, "waiting");
  assert.equal(socket().isClosed, true);
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(5);
  assert.equal(socket().subscription.after, 5);
});

for (const sign of [{ type: "pong", timestamp: "" }, { type: "checkpoint", position: 9 }, event(6)]) {
  test(`a connection that answers by ${sign.type} is kept`, () => {
    const { tracker } = live(5);
    mock.timers.tick(69_999);
    socket().say(sign);
    mock.timers.tick(59_999);
    assert.equal(tracker.state, "live");
    assert.equal(socket().sentOf("ping").length, 1);
    assert.equal(connections(), 1);
  });
}

test("an attempt to connect that gets no answer is given up after 20 seconds", () => {
  const { tracker } = followed();
  mock.timers.tick(20_000);
  assert.equal(tracker.state, "waiting");
  assert.equal(socket().isClosed, true);
});


test("closing ends everything: the socket, the timers, the reader, the reports", async () => {
  const { tracker, told } = live(5, { onEvent: undefined });
  const next = tracker[Symbol.asyncIterator]().next();
  const reported = tracker.report({ type: "job_started", job_id: "j" });
  tracker.close();
  tracker.close();
  assert.equal(socket().isClosed, true);
  assert.deepEqual(await next, { done: true, value: undefined });
  await assert.rejects(reported, { code: "closed" });
  await assert.rejects(tracker.report({ type: "job_started", job_id: "j" }), { code: "closed" });
  socket().say(event(6));
  socket().end();
  mock.timers.tick(100_000);
  assert.equal(connections(), 1);
  assert.equal(tracker.cursor, 5);
  assert.deepEqual(told.states, ["catching_up", "live", "closed"]);
  assert.deepEqual(told.errors, []);
});

test("closing while it waits to connect again makes no further attempt", () => {
  const { tracker } = live();
  socket().end();
  tracker.close();
  mock.timers.tick(LONGEST_DELAY);
  assert.equal(connections(), 1);
});

test("closing on the way to the server closes once the connection is made", () => {
  const { tracker, told } = followed();
  tracker.close();
  assert.equal(tracker.state, "closed");
  assert.equal(socket().isClosed, false);
  socket().open();
  assert.equal(socket().isClosed, true);
  socket().welcome();
  mock.timers.tick(LONGEST_DELAY);
  assert.equal(connections(), 1);
  assert.deepEqual(told.states, ["closed"]);
});

test("closing from within any callback is final", () => {
  for (const [name, act] of [
    ["onEvent", () => socket().say(event(6))],
    ["onState", () => socket().end()],
    ["onReset", () => socket().say({ type: "reset", epoch: "log-2", head: 1 })],
    ["onTruncated", () => socket().say({ type: "truncated", after: 1, horizon: 2 })],
    ["onCaughtUp", () => socket().say({ type: "caught_up", position: 9 })],
    ["onError", () => socket().say("{")],
  ]) {
    const tracker = connect("ws://server/ws", { after: 5, WebSocket: Socket, [name]: () => tracker.close() });
    socket().welcome(5);
    if (tracker.state !== "closed") socket().confirm();
    act();
    assert.equal(tracker.state, "closed", name);
    const before = connections();
    mock.timers.tick(LONGEST_DELAY);
    assert.equal(connections(), before, name);
  }
});

test("what was not taken when it closed is not counted by the cursor", async () => {
  const { tracker } = live(5, { onEvent: undefined });
  const reader = tracker[Symbol.asyncIterator]();
  socket().say(...events(6, 7, 8));
  await reader.next();
  tracker.close();
  assert.equal(tracker.cursor, 6);
  assert.equal((await reader.next()).done, true);
});
