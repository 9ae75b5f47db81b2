/**
 * The client of a jobreel server: every event once, in order, whatever the network does meanwhile.
 *
 * One file without dependencies, for browsers and for Node.js. jobreel.d.ts has the types and describes every option.
 */

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
const STABLE_AFTER_MS = 10_000;
const CONNECT_WITHIN_MS = 20_000;
const SILENCE_MS = 60_000;
const PONG_WITHIN_MS = 10_000;
const MOST_MESSAGE_BYTES = 64 * 1024;
const CONNECTING = 0; // a WebSocket's readyState
const NOT_ALLOWED = 1008;
const TOO_BIG = 1009;
const REFUSING = ["unauthorized", "forbidden"]; // codes of errors that the next connection would bring again

/** What the server says, and the whole numbers in it. Any other type with a position is an event. */
const NOTICES = new Map([
  ["authenticated", []],
  ["connection_established", ["head"]],
  ["registration_confirmed", []],
  ["subscription_confirmed", ["after"]],
  ["unsubscription_confirmed", []],
  ["caught_up", ["position"]],
  ["checkpoint", ["position"]],
  ["reset", ["head"]],
  ["truncated", ["after", "horizon"]],
  ["ack", ["position", "sequence"]],
  ["error", []],
  ["pong", []],
  ["replay_started", []],
  ["replay_state", ["after"]],
  ["replay_finished", ["after"]],
]);

/** What went wrong: `message` is for people, `code` for programs, `detail` is what the server or the socket said. */
export class TrackerError extends Error {
  constructor(message, code, detail) {
    super(message);
    this.name = "TrackerError";
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Follow a server's events and report to it, until `close()`; reconnects by itself, for ever.
 *
 * @type {typeof import("./jobreel.js").connect}
 */
export function connect(url, options = {}) {
  return new Connection(url, options);
}

/** @implements {AsyncIterable<import("./jobreel.js").JobEvent>} */
class Connection {
  #options;
  #address;
  #channels;
  /** @type {WebSocket | null} The one that counts: what an earlier one still says is ignored. */
  #socket = null;
  /** @type {any} Its first message on this socket, once it came. */
  #server = null;
  /** @type {import("./jobreel.js").State} */
  #state = "connecting";
  #received; // complete up to here: where the next subscription begins
  #taken; // the last event that iteration took; counts while others wait
  #epoch;
  /** @type {string | null} Ref of what is not confirmed yet: events that come before that are of an older one. */
  #subscribing = null;
  #gap; // the cursor at which something was missed last
  #attempts = 0;
  #refs = 0;
  #name = crypto.getRandomValues(new Uint32Array(4)).join("-");
  #reports = new Map(); // by ref; sent again on every new connection until they are answered
  #timers = new Map();
  #backlog = new Backlog();
  #readers = []; // what wakes those who wait for an event
  /** @type {TrackerError | null} */
  #failure = null;

  constructor(url, options) {
    this.#options = options;
    this.#address = new URL(url, globalThis.location?.href);
    this.#address.protocol = this.#address.protocol.replace(/^http/, "ws");
    this.#channels = new Set(options.channels ?? ["jobs", "photos"]);
    this.#received = options.after;
    this.#epoch = options.epoch;
    this.#open();
    globalThis.addEventListener?.("online", this.#online);
  }

  /** Position of the last event handed on, or a later one up to which there was none; keep it to resume from. */
  get cursor() {
    return this.#backlog.isEmpty ? this.#received : this.#taken;
  }

  /** The name of the log that the cursor is of. */
  get epoch() {
    return this.#epoch;
  }

  get state() {
    return this.#state;
  }

  /** Follow these channels too, from the cursor on. */
  subscribe(channels) {
    for (const channel of channels) this.#channels.add(channel);
    this.#subscribe();
  }

  /** Follow these channels no more. */
  unsubscribe(channels) {
    for (const channel of channels) this.#channels.delete(channel);
    this.#send({ type: "unsubscribe", channels });
    if (this.#server && this.#channels.size === 0) this.#enter("live");
  }

  /** Record an event message; resolves once it is on the server's disk, also when connections are lost meanwhile. */
  report(message) {
    return new Promise((resolve, reject) => {
      if (this.#state === "closed") throw new TrackerError("The connection is closed.", "closed");
      const ref = this.#ref();
      // The event_id makes it safe to send this again when the answer was lost with its connection.
      const text = JSON.stringify({ ...message, event_id: message.event_id ?? `${this.#name}-${ref}`, ref });
      if (new TextEncoder().encode(text).length > MOST_MESSAGE_BYTES) {
        throw new TrackerError(`The message is larger than ${MOST_MESSAGE_BYTES} bytes.`, "event_too_large");
      }
      this.#reports.set(ref, { text, resolve, reject });
      if (this.#server) this.#socket?.send(text);
    });
  }

  /** Stop for good: iteration ends, reports that were not answered are rejected with the code `closed`. */
  close() {
    this.#received = this.cursor;
    this.#backlog.clear();
    this.#end(null);
  }

  /** The events, for one reader; leaving its loop closes the connection. */
  async *[Symbol.asyncIterator]() {
    if (this.#options.onEvent) throw new TypeError("Events go to onEvent: leave it out to iterate.");
    try {
      while (true) {
        while (!this.#backlog.isEmpty) {
          const event = this.#backlog.take();
          if (!event.replay) this.#taken = event.position;
          yield event;
        }
        if (this.#failure) throw this.#failure;
        if (this.#state === "closed") return;
        await new Promise((resolve) => this.#readers.push(resolve));
      }
    } finally {
      this.close();
    }
  }

  #open() {
    this.#stopTimers();
    const { token } = this.#options;
    const socket = new (this.#options.WebSocket ?? WebSocket)(this.#address.href);
    this.#socket = socket;
    // Not in a header: browsers send none of ours with a WebSocket.
    const introduce = () => socket === this.#socket && socket.send(JSON.stringify({ type: "auth", token }));
    if (token) socket.addEventListener("open", introduce);
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#receive(data));
    socket.addEventListener("close", ({ code, reason }) => socket === this.#socket && this.#lost(code, reason));
    socket.addEventListener("error", () => {}); // a close follows; some libraries throw where nobody listens
    this.#timer("watch", CONNECT_WITHIN_MS, () => this.#drop());
    this.#enter("connecting");
  }

  #drop() {
    const socket = this.#socket;
    this.#lost();
    socket?.close(); // its answer is not waited for: on a dead network that would take minutes
  }

  #lost(code, reason) {
    this.#stopTimers();
    this.#socket = this.#server = this.#subscribing = null;
    if (code === NOT_ALLOWED) return this.#end(new TrackerError(reason || "Not allowed.", "not_allowed", code));
    // Sent again, the same message would end every connection.
    if (code === TOO_BIG) this.#rejectReports(new TrackerError("A message was too large.", "event_too_large", code));
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++);
    this.#timer("retry", (this.#options.random ?? Math.random)() * longest, () => this.#open());
    this.#enter("waiting");
  }

  #online = () => {
    if (this.#state === "waiting") this.#open();
    else if (this.#server) this.#probe(); // the connection may have died with the old network
  };

  #probe() {
    this.#send({ type: "ping" });
    this.#timer("watch", PONG_WITHIN_MS, () => this.#drop());
  }

  #send(message) {
    if (this.#server) this.#socket?.send(JSON.stringify(message));
  }

  #receive(data) {
    this.#timer("watch", SILENCE_MS, () => this.#probe());
    const message = understood(data);
    switch (message?.type) {
      case undefined:
        return this.#tell("onError", new TrackerError("This is no message of a server.", "malformed_message", data));
      case "connection_established":
        return this.#welcome(message);
      case "subscription_confirmed":
        return message.ref === this.#subscribing && this.#subscribed(message.after);
      case "reset":
        return this.#startOver(message);
      case "truncated":
        return this.#tell("onTruncated", { after: message.after, horizon: message.horizon });
      case "checkpoint":
        return this.#completeTo(message.position);
      case "caught_up":
        return this.#completeTo(message.position) && this.#caughtUp(message.position);
      case "ack":
        this.#reports.get(message.ref)?.resolve({ position: message.position, sequence: message.sequence });
        return this.#reports.delete(message.ref);
      case "error":
        return this.#refused(message);
      default:
        return !NOTICES.has(message.type) && "position" in message && this.#handOn(message);
    }
  }

  #welcome(message) {
    this.#server = message;
    this.#timer("stable", STABLE_AFTER_MS, () => (this.#attempts = 0));
    const { clientType, clientName } = this.#options;
    if (clientType ?? clientName) this.#send({ type: "register", client_type: clientType, client_name: clientName });
    for (const { text } of this.#reports.values()) this.#socket?.send(text);
    // A log that is shorter than what was seen of it was put back from a copy: it is another one, of the same name.
    if (this.#received > message.head && (this.#epoch ?? message.epoch) === message.epoch) this.#startOver(message);
    this.#subscribe();
  }

  #subscribe() {
    if (!this.#server) return;
    if (this.#channels.size === 0) return this.#enter("live");
    // Always from the cursor, also for one more channel: then nothing depends on what is under way meanwhile.
    const place = { after: this.#received, epoch: this.#epoch };
    this.#subscribing = this.#ref();
    const wanted = { channels: [...this.#channels], types: this.#options.types };
    this.#send({ type: "subscribe", ...wanted, ...place, ref: this.#subscribing });
    this.#enter("catching_up");
  }

  #subscribed(after) {
    const isFromNow = this.#received === undefined;
    this.#subscribing = null;
    this.#received ??= after;
    this.#epoch ??= this.#server.epoch;
    if (isFromNow) this.#caughtUp(after); // the server has nothing to catch up with, and does not say so
  }

  #startOver({ epoch, head }) {
    this.#received = 0;
    this.#epoch = epoch;
    this.#backlog.clear();
    this.#enter("catching_up");
    this.#tell("onReset", { epoch, head });
  }

  #completeTo(position) {
    if (this.#subscribing) return false;
    if (position > this.#received) this.#received = position;
    return true;
  }

  #caughtUp(position) {
    this.#enter("live");
    this.#tell("onCaughtUp", position);
  }

  #refused(message) {
    const error = new TrackerError(message.error, message.code, message);
    const report = this.#reports.get(message.ref);
    if (report) {
      this.#reports.delete(message.ref);
      report.reject(error);
    } else if ((message.ref && message.ref === this.#subscribing) || REFUSING.includes(message.code)) {
      this.#end(error); // asked again, it would be refused again: a channel that does not exist, a bad token
    } else {
      this.#tell("onError", error);
    }
  }

  #handOn(event) {
    // What a replay sends again is neither news nor a gap: the cursor is that of what is live.
    const isNews = event.replay !== true;
    if (isNews && (this.#subscribing || event.position <= this.#received)) return;
    if (isNews && event.prev > this.#received && this.#options.detectGaps !== false) return this.#missed();
    if (this.#backlog.isEmpty) this.#taken = this.#received;
    if (isNews) this.#received = event.position;
    if (this.#options.onEvent) this.#tell("onEvent", event);
    else this.#backlog.push(event);
    this.#wakeReaders();
  }

  #missed() {
    // Missed again at the same place: to ask at once, again and again, would help nobody.
    if (this.#gap === this.#received) return this.#drop();
    this.#gap = this.#received;
    this.#subscribe();
  }

  #end(error) {
    if (this.#state === "closed") return;
    const socket = this.#socket;
    this.#stopTimers();
    this.#socket = this.#server = null;
    this.#failure = error;
    globalThis.removeEventListener?.("online", this.#online);
    // Closed on the way, it would be a complaint in the console, and in React's development mode one at every start.
    if (socket?.readyState === CONNECTING) socket.addEventListener("open", () => socket.close());
    else socket?.close();
    this.#rejectReports(error ?? new TrackerError("The connection was closed before the answer came.", "closed"));
    this.#enter("closed");
    this.#wakeReaders();
    if (error) this.#tell("onError", error);
  }

  #wakeReaders() {
    for (const wake of this.#readers.splice(0)) wake();
  }

  #rejectReports(error) {
    for (const { reject } of this.#reports.values()) reject(error);
    this.#reports.clear();
  }

  #enter(state) {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#tell("onState", state);
  }

  #tell(name, value) {
    try {
      this.#options[name]?.(value);
    } catch (error) {
      // The page's mistake is shown like any other of the page, and leaves the stream alone.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #ref() {
    return `r${++this.#refs}`;
  }

  #timer(name, delay, action) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(name, setTimeout(action, delay));
  }

  #stopTimers() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}

/** Events that wait for their reader: two stacks, as taking from the front of one long array would move the rest. */
class Backlog {
  #newest = [];
  #oldest = [];

  get isEmpty() {
    return this.#newest.length + this.#oldest.length === 0;
  }

  push(event) {
    this.#newest.push(event);
  }

  take() {
    if (this.#oldest.length === 0) [this.#oldest, this.#newest] = [this.#newest.reverse(), []];
    return this.#oldest.pop();
  }

  clear() {
    this.#newest = [];
    this.#oldest = [];
  }
}

/** The message in what the socket brought; undefined if that is none. */
function understood(data) {
  try {
    const message = JSON.parse(data);
    const numbers = NOTICES.get(message.type) ?? ["position", "prev"].filter((name) => name in message);
    const namesLog = ["connection_established", "reset"].includes(message.type);
    const isWhole = (name) => Number.isSafeInteger(message[name]) && message[name] >= 0;
    const isSound = typeof message.type === "string" && numbers.every(isWhole);
    return isSound && (!namesLog || typeof message.epoch === "string") ? message : undefined;
  } catch {
    return undefined; // not JSON, or JSON that is no object
  }
}
