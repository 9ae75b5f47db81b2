// A server without a network: the sockets that the module opens, and what is said on them.

export const EPOCH = "log-1";

/** Stands in for WebSocket. The module's side is the class; the server's and the network's side is below it. */
export class Socket {
  static opened = [];
  sent = [];
  isOpen = false;
  isClosed = false;
  #listeners = new Map();

  constructor(url) {
    this.url = url;
    Socket.opened.push(this);
  }

  addEventListener(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  send(text) {
    if (this.isClosed || !this.isOpen) throw new Error("sent on a socket that is not open");
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  get readyState() {
    return this.isClosed ? 3 : Number(this.isOpen);
  }

  /** The connection is made. */
  open() {
    this.isOpen = true;
    this.#dispatch("open", {});
  }

  /** The server says something: a message, or any text. */
  say(...messages) {
    for (const message of messages) {
      this.bring(typeof message === "string" ? message : JSON.stringify(message));
    }
  }

  /** Something comes in. */
  bring(data) {
    if (!this.isOpen) this.open();
    this.#dispatch("message", { data });
  }

  /** The connection ends. */
  end(code = 1006, reason = "") {
    this.isClosed = true;
    this.#dispatch("error", {});
    this.#dispatch("close", { code, reason });
  }

  welcome(head = 0, epoch = EPOCH) {
    this.say({ type: "connection_established", client_id: "c", server_time: "", protocol: 1, epoch, head, horizon: 0 });
    return this;
  }

  /** Confirms the last subscription. */
  confirm(after = this.subscription.after) {
    const { channels, ref } = this.subscription;
    this.say({ type: "subscription_confirmed", channels, after, ref });
    return this;
  }

  /** The first words of a server to a client that has a cursor, up to the live stream. */
  catchUp(...positions) {
    this.confirm();
    this.say(...events(...positions), { type: "caught_up", position: positions.at(-1) ?? this.subscription.after });
    return this;
  }

  /** What the client sent of a type. */
  sentOf(type) {
    return this.sent.filter((message) => message.type === type);
  }

  get subscription() {
    return this.sentOf("subscribe").at(-1);
  }

  #dispatch(name, event) {
    for (const listener of this.#listeners.get(name) ?? []) listener(event);
  }
}

export function event(position, prev = position - 1) {
  return { type: "job_progress", job_id: "j", photo_id: 1, progress: 1, position, sequence: position, prev };
}

export function events(...positions) {
  return positions.map((position) => event(position));
}
