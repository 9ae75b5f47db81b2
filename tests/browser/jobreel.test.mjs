// Following a log: every event once, in order.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { mock, test } from "node:test";

import * as jobreel from "../../api/dashboard/jobreel.js";
import { connect } from "../../api/dashboard/jobreel.js";
import { FIRST_DELAY, connections, followed, live, socket } from "./following.mjs";
import { EPOCH, Socket, event, events } from "./server.mjs";

test("subscribes once the server has spoken, from the cursor it was given", () => {
  followed({ channels: ["jobs", "job:7"], types: ["job_failed"], after: 5, epoch: EPOCH });
  assert.deepEqual(socket().sent, []);
  socket().welcome(9);
  const expected = { type: "subscribe", channels: ["jobs", "job:7"], types: ["job_failed"], after: 5, epoch: EPOCH };
  assert.deepEqual(socket().sent, [{ ...expected, ref: socket().subscription.ref }]);
});

test("follows jobs and photos from now on unless told otherwise", () => {
  const { tracker, told } = followed({ after: undefined });
  socket().welcome(40);
  assert.deepEqual(socket().subscription.channels, ["jobs", "photos"]);
  assert.equal("after" in socket().subscription, false);
  assert.equal(tracker.cursor, undefined);
  socket().confirm(42);
  assert.equal(tracker.cursor, 42);
  assert.equal(tracker.epoch, EPOCH);
  assert.equal(tracker.state, "live");
  assert.deepEqual(told.caughtUp, [42]);
});

test("introduces itself by the names it was given, one of them or both", () => {
  followed({ clientType: "dashboard", clientName: "Wall" });
  socket().welcome();
  assert.deepEqual(socket().sent[0], { type: "register", client_type: "dashboard", client_name: "Wall" });
  followed({ clientName: "Wall" });
  socket().welcome();
  assert.deepEqual(socket().sent[0], { type: "register", client_name: "Wall" });
});

test("hands on every event once, in order, and tells its states", () => {
  const { tracker, told } = followed();
  socket().welcome(3).catchUp(1, 2, 3);
  socket().say(event(4));
  assert.deepEqual(told.positions, [1, 2, 3, 4]);
  assert.deepEqual(told.states, ["catching_up", "live"]);
  assert.deepEqual(told.caughtUp, [3]);
  assert.equal(tracker.cursor, 4);
});

test("hands on what a replay sends again, and leaves the cursor to what is live", () => {
  const { tracker, told } = live(5);
  const again = (position) => ({ ...event(position), prev: undefined, replay: true, replay_id: "r1" });
  socket().say({ type: "replay_started", replay_id: "r1", first: 2, last: 90 }, again(2), again(90), again(2));
  assert.deepEqual(told.positions, [2, 90, 2]);
  assert.equal(tracker.cursor, 5);
  socket().say(event(6), { type: "replay_finished", replay_id: "r1", reason: "end", after: 90, sent: 3 });
  assert.deepEqual(told.positions, [2, 90, 2, 6]);
  assert.equal(tracker.cursor, 6);
  assert.equal(socket().sentOf("subscribe").length, 1);
  assert.deepEqual(told.errors, []);
});

test("calls nothing before connect() has returned", () => {
  const calls = [];
  connect("ws://server/ws", { WebSocket: Socket, onState: (state) => calls.push(state) });
  assert.deepEqual(calls, []);
});

test("an address may be written as http", () => {
  connect("https://server:1/ws", { WebSocket: Socket });
  assert.equal(socket().url, "wss://server:1/ws");
});

test("an address that is none is refused at the call", () => {
  assert.throws(() => connect("nowhere", { WebSocket: Socket }), TypeError);
});

test("an event with a position that was handed on is not handed on again", () => {
  const { told } = live(3);
  socket().say(event(4), event(4), event(2, 0), event(5));
  assert.deepEqual(told.positions, [4, 5]);
});

test("fields and event types that are not known yet are handed on, other messages are not", () => {
  const { told } = live(0);
  socket().say({ ...event(1), type: "job_paused", by: "hand" }, { type: "weather", outlook: "fine" });
  assert.deepEqual(told.positions, [1]);
  assert.deepEqual(told.errors, []);
});


test("a missed event is asked for again, and nothing above it is handed on before", () => {
  const { told } = live(5);
  socket().say(event(6), event(8), event(9));
  assert.equal(socket().sentOf("subscribe").length, 2);
  assert.equal(socket().subscription.after, 6);
  assert.deepEqual(told.positions, [6]);
  socket().catchUp(7, 8, 9).say(event(10));
  assert.deepEqual(told.positions, [6, 7, 8, 9, 10]);
});

test("a checkpoint between a gap and its repair does not step over the gap", () => {
  const { tracker, told } = live(5);
  socket().say(event(7), { type: "checkpoint", position: 7 }, { type: "caught_up", position: 7 });
  assert.equal(tracker.cursor, 5);
  socket().catchUp(6, 7);
  assert.deepEqual(told.positions, [6, 7]);
});

test("what is filtered out between two events is no gap", () => {
  const { told } = live(5);
  socket().say(event(9, 5), event(20, 9));
  assert.deepEqual(told.positions, [9, 20]);
});

test("a stream that begins, or an event without prev, is no gap", () => {
  const { told } = live(5);
  socket().say(event(9, 0), { ...event(12), prev: undefined });
  assert.deepEqual(told.positions, [9, 12]);
});

test("an event that stays missing is asked for at growing intervals, not at once for ever", () => {
  live(5);
  socket().say(event(7));
  assert.equal(connections(), 1);
  socket().confirm().say(event(7));
  assert.equal(connections(), 1);
  assert.equal(socket().isClosed, true);
  mock.timers.tick(FIRST_DELAY);
  assert.equal(connections(), 2);
  socket().welcome(7).confirm().say(event(7));
  mock.timers.tick(2 * FIRST_DELAY - 1);
  assert.equal(connections(), 2);
  mock.timers.tick(1);
  assert.equal(connections(), 3);
});

test("without gap detection a lost event stays lost", () => {
  const { told } = live(5, { detectGaps: false });
  socket().say(event(6), event(8));
  assert.deepEqual(told.positions, [6, 8]);
});


test("a checkpoint moves the cursor, never back", () => {
  const { tracker, told } = live(5);
  socket().say({ type: "checkpoint", position: 90 });
  assert.equal(tracker.cursor, 90);
  socket().say({ type: "checkpoint", position: 80 });
  assert.equal(tracker.cursor, 90);
  assert.deepEqual(told.caughtUp, [5]);
});

test("an event after a checkpoint refers to what came before it, and that is no gap", () => {
  const { told } = live(5);
  socket().say({ type: "checkpoint", position: 90 }, event(95, 5), event(99, 95));
  assert.deepEqual(told.positions, [95, 99]);
});

test("catching up with nothing moves the cursor to where the log is", () => {
  const { tracker } = followed({ channels: ["job:none"] });
  socket().welcome(70).confirm().say({ type: "caught_up", position: 70 });
  assert.equal(tracker.cursor, 70);
});


test("a reset is told, and the new log is followed from its beginning", () => {
  const { tracker, told } = live(50);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(2, "log-2");
  assert.equal(socket().subscription.epoch, EPOCH);
  socket().confirm(0).say({ type: "reset", epoch: "log-2", head: 2 });
  assert.equal(tracker.cursor, 0);
  assert.deepEqual(told.resets, [{ epoch: "log-2", head: 2 }]);
  socket().say(event(1), event(2), { type: "caught_up", position: 2 });
  assert.deepEqual(told.positions, [1, 2]);
  socket().end();
  mock.timers.tick(2 * FIRST_DELAY);
  socket().welcome(2, "log-2");
  assert.deepEqual([socket().subscription.after, socket().subscription.epoch], [2, "log-2"]);
});

test("a reset that is lost with its connection comes again", () => {
  const { told } = live(50);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(2, "log-2").confirm(0).end();
  mock.timers.tick(2 * FIRST_DELAY);
  assert.deepEqual(told.resets, []);
  socket().welcome(2, "log-2");
  assert.equal(socket().subscription.epoch, EPOCH);
});

test("the epoch of another log, without a cursor, begins at this log's beginning", () => {
  const { tracker, told } = followed({ after: undefined, epoch: "log-0" });
  socket().welcome(2).confirm(0).say({ type: "reset", epoch: EPOCH, head: 2 });
  assert.equal(tracker.state, "catching_up");
  socket().say(event(1), event(2), { type: "caught_up", position: 2 });
  assert.deepEqual(told.positions, [1, 2]);
  assert.equal(tracker.state, "live");
});

test("a log that is shorter than what was seen of it is followed from its beginning", () => {
  const { told } = live(50);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(49);
  assert.deepEqual(told.resets, [{ epoch: EPOCH, head: 49 }]);
  assert.equal(socket().subscription.after, 0);
});

test("a log that ends where it was seen last is no other one", () => {
  const { told } = live(50);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(50);
  assert.deepEqual(told.resets, []);
});

test("pruned events are told, and the stream goes on with what is left", () => {
  const { told } = followed({ after: 3 });
  socket().welcome(9).confirm().say({ type: "truncated", after: 3, horizon: 7 }, event(8, 0), event(9));
  assert.deepEqual(told.truncations, [{ after: 3, horizon: 7 }]);
  assert.deepEqual(told.positions, [8, 9]);
});


test("one more channel is followed from the cursor on, and also after a drop", () => {
  const { tracker, told } = live(5, { channels: ["jobs"] });
  socket().say(event(6));
  tracker.subscribe(["job:7"]);
  assert.deepEqual(socket().subscription.channels, ["jobs", "job:7"]);
  assert.equal(socket().subscription.after, 6);
  socket().say(event(7)); // on its way before the server knew
  socket().catchUp(7, 8);
  assert.deepEqual(told.positions, [6, 7, 8]);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(8);
  assert.deepEqual(socket().subscription.channels, ["jobs", "job:7"]);
});

test("only the last of several subscriptions counts", () => {
  const { tracker, told } = live(5, { channels: ["jobs"] });
  const ref = () => socket().subscription.ref;
  tracker.subscribe(["job:7"]);
  const first = ref();
  tracker.subscribe(["job:8"]);
  socket().say({ type: "subscription_confirmed", channels: [], after: 5, ref: first }, event(6));
  assert.deepEqual(told.positions, []);
  socket().catchUp(6);
  assert.deepEqual(told.positions, [6]);
});

test("a channel that is followed no more stays so after a drop", () => {
  const { tracker } = live(5);
  tracker.unsubscribe(["photos"]);
  assert.deepEqual(socket().sentOf("unsubscribe"), [{ type: "unsubscribe", channels: ["photos"] }]);
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().welcome(5);
  assert.deepEqual(socket().subscription.channels, ["jobs"]);
});

test("without channels it is live at once, also when the last one goes while catching up", () => {
  const { tracker } = followed({ channels: [] });
  socket().welcome(9);
  assert.equal(tracker.state, "live");
  assert.deepEqual(socket().sent, []);
  tracker.subscribe(["jobs"]);
  assert.equal(tracker.state, "catching_up");
  tracker.unsubscribe(["jobs"]);
  assert.equal(tracker.state, "live");
});

test("a channel that goes while others are caught up with changes no state", () => {
  const { tracker } = followed();
  socket().welcome(9).confirm();
  tracker.unsubscribe(["photos"]);
  assert.equal(tracker.state, "catching_up");
});

test("channels that come and go before the server has spoken are those it is asked for", () => {
  const { tracker } = followed();
  tracker.subscribe(["job:7"]);
  tracker.unsubscribe(["jobs", "photos"]);
  assert.equal(tracker.state, "connecting");
  socket().welcome(9);
  assert.deepEqual(socket().sent.map(({ channels }) => channels), [["job:7"]]);
  socket().end();
  tracker.unsubscribe(["job:7"]);
  assert.equal(tracker.state, "waiting");
});


test("every exported name of the module has a declared type, and the other way round", async () => {
  const declarations = await readFile(new URL("../../api/dashboard/jobreel.d.ts", import.meta.url), "utf8");
  const declared = [...declarations.matchAll(/^export (?:declare )?(?:function|class|const) (\w+)/gm)];
  assert.deepEqual(declared.map(([, name]) => name).sort(), Object.keys(jobreel).sort());
});
