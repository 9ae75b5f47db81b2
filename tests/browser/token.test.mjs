// Servers that ask for a token: it is said first, and a refused one ends it.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { FIRST_DELAY, LONGEST_DELAY, connections, followed, live, socket } from "./following.mjs";
import { event } from "./server.mjs";

const TOKEN = "jobreel_0123456789_secret_check";
const AUTHENTICATED = { type: "authenticated", name: "wall", scopes: ["read"], ref: null };

test("the token is the first message, once the connection is open, and the subscription follows the welcome", () => {
  const { tracker, told } = followed({ token: TOKEN, clientName: "Wall" });
  assert.deepEqual(socket().sent, []);
  socket().open();
  assert.deepEqual(socket().sent, [{ type: "auth", token: TOKEN }]);
  socket().say(AUTHENTICATED);
  assert.equal(socket().sent.length, 1, "nothing else is said before the server has greeted");
  socket().welcome(1).catchUp(1);
  assert.deepEqual(socket().sent.map(({ type }) => type), ["auth", "register", "subscribe"]);
  assert.equal(tracker.state, "live");
  assert.deepEqual(told.positions, [1]);
  assert.deepEqual(told.errors, []);
});

test("a server that needs no token greets at once and confirms the token later", () => {
  const { tracker, told } = followed({ token: TOKEN });
  socket().open();
  socket().welcome(0).say(AUTHENTICATED);
  socket().catchUp().say(event(1));
  assert.equal(tracker.state, "live");
  assert.deepEqual(told.positions, [1]);
  assert.deepEqual(told.errors, []);
});

test("every connection begins with the token", () => {
  live(5, { token: TOKEN });
  socket().end();
  mock.timers.tick(FIRST_DELAY);
  socket().open();
  assert.equal(connections(), 2);
  assert.deepEqual(socket().sent, [{ type: "auth", token: TOKEN }]);
});

for (const token of [undefined, ""]) {
  test(`without a token (${token === undefined ? "none" : "empty"}) nothing is said before the server has greeted`, () => {
    followed({ token });
    socket().open();
    assert.deepEqual(socket().sent, []);
  });
}

test("a connection that was given up is not told the token when it opens after all", () => {
  const { tracker } = followed({ token: TOKEN });
  const late = socket();
  mock.timers.tick(20_000);
  mock.timers.tick(FIRST_DELAY);
  assert.equal(connections(), 2);
  late.isClosed = false;
  late.open();
  assert.deepEqual(late.sent, []);
  const closed = socket();
  tracker.close();
  closed.open();
  assert.deepEqual(closed.sent, []);
});

test("a wrong token is told once, and ends it for good", () => {
  const { tracker, told } = followed({ token: TOKEN });
  socket().open();
  socket().say({ type: "error", error: "This token is not known here.", code: "unauthorized", ref: null });
  socket().end(1008, "unauthorized");
  assert.equal(tracker.state, "closed");
  assert.deepEqual(told.errors.map((error) => [error.code, error.message]), [
    ["unauthorized", "This token is not known here."],
  ]);
  assert.ok(!JSON.stringify(told.errors.map((error) => [error.stack, error])).includes(TOKEN));
  mock.timers.tick(LONGEST_DELAY);
  assert.equal(connections(), 1);
});

test("a missing token, and one that is revoked on the way, are told and end it too", async () => {
  for (const code of ["unauthorized", "forbidden"]) {
    const { tracker, told } = live(5);
    const before = connections();
    const reported = tracker.report({ type: "job_started", job_id: "j" });
    socket().say({ type: "error", error: "No.", code, ref: null });
    assert.equal(tracker.state, "closed", code);
    assert.deepEqual(told.errors.map((error) => error.code), [code]);
    await assert.rejects(reported, { code });
    assert.equal(tracker.cursor, 5);
    mock.timers.tick(LONGEST_DELAY);
    assert.equal(connections(), before);
  }
});

test("a refused token is thrown at the reader, after what came before it", async () => {
  const { tracker } = live(0, { onEvent: undefined, token: TOKEN });
  const reader = tracker[Symbol.asyncIterator]();
  socket().say(event(1));
  socket().end(1008, "the token was revoked or has expired");
  assert.equal((await reader.next()).value.position, 1);
  await assert.rejects(reader.next(), { code: "not_allowed", message: "the token was revoked or has expired" });
});

test("a report that the token does not allow rejects, and the stream goes on", async () => {
  const { tracker, told } = live(0, { token: TOKEN });
  const reported = tracker.report({ type: "job_started", job_id: "not mine" });
  const { ref } = socket().sentOf("job_started")[0];
  socket().say({ type: "error", error: "Not yours.", code: "forbidden", ref }, event(1));
  await assert.rejects(reported, { code: "forbidden" });
  assert.equal(tracker.state, "live");
  assert.deepEqual(told.positions, [1]);
  assert.deepEqual(told.errors, []);
});
