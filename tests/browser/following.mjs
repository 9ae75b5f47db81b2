// A connection of the module to the server of a test, whose clock is the test's as well.

import { afterEach, beforeEach, mock } from "node:test";

import { connect } from "../../api/dashboard/jobreel.js";
import { Socket } from "./server.mjs";

export const FIRST_DELAY = 250;
export const LONGEST_DELAY = 30_000;

beforeEach(() => {
  Socket.opened = [];
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => mock.timers.reset());

/** A connection, what it told, and its socket now. */
export function followed(options = {}) {
  const told = { positions: [], resets: [], truncations: [], caughtUp: [], states: [], errors: [] };
  const tracker = connect("ws://server/ws", {
    after: 0,
    WebSocket: Socket,
    random: () => 1,
    onEvent: (event) => told.positions.push(event.position),
    onReset: (log) => told.resets.push(log),
    onTruncated: (gap) => told.truncations.push(gap),
    onCaughtUp: (position) => told.caughtUp.push(position),
    onState: (state) => told.states.push(state),
    onError: (error) => told.errors.push(error),
    ...options,
  });
  return { tracker, told };
}

export function socket() {
  return Socket.opened.at(-1);
}

/** One that is live at this position. */
export function live(position = 0, options = {}) {
  const both = followed({ after: position, ...options });
  socket().welcome(position).catchUp();
  return both;
}

export function connections() {
  return Socket.opened.length;
}
