/** What all events have. `timestamp`: when the tracker accepted it, UTC, ISO 8601 with a `Z`. */
interface Common {
  job_id: string;
  photo_id: number | string | null;
  timestamp: string;
  /** Place in the whole log, from 1. */
  position: number;
  /** Place within the job, from 1. */
  sequence: number;
  /** Position of the event before it in this stream; 0 if none is known. */
  prev?: number;
  /** Sent again by a replay: no news, and no cursor. */
  replay?: true;
  /** Which replay of this connection. */
  replay_id?: string;
  event_id?: string;
  /** The producer's own time. */
  occurred_at?: string;
  /** What the producer sent beside the type's own fields. */
  extra?: Json;
}

/** A JSON object. */
export type Json = Record<string, unknown>;

export interface JobStarted extends Common {
  type: "job_started";
  photo_info: Json;
  /** Only of a job with stages of its own. */
  stages?: string[];
}

export interface ProgressUpdated extends Common {
  type: "job_progress";
  stage: string;
  /** 0 to 100. */
  progress: number;
  message: string;
  details: Json;
}

export interface StageCompleted extends Common {
  type: "stage_completed";
  stage: string;
  result: Json;
}

export interface PhotoInfoSent extends Common {
  type: "photo_info";
  photo_data: Json;
}

export interface ErrorReported extends Common {
  type: "error_occurred";
  error_type: string;
  error_message: string;
  error_details: Json;
  stage: string | null;
}

export interface JobCompleted extends Common {
  type: "job_completed";
  success: true;
  result: Json;
  /** Seconds. */
  duration: number;
  /** The latest hundred. */
  stages_completed: { stage: string; completed_at: string; result: Json }[];
}

export interface JobFailed extends Common {
  type: "job_failed";
  success: false;
  result: Json;
  /** Seconds. */
  duration: number;
}

export type JobEvent =
  | JobStarted
  | ProgressUpdated
  | StageCompleted
  | PhotoInfoSent
  | ErrorReported
  | JobCompleted
  | JobFailed;

export type EventType = JobEvent["type"];

/** `jobs`: all but `photo_info`. `photos`: `job_started` and `photo_info`. `job:<job_id>`: all of one job. */
export type Channel = "jobs" | "photos" | "system" | `job:${string}`;

/**
 * `connecting`; `catching_up` with what was before; `live`; `waiting` to connect again; `closed` for good.
 */
export type State = "connecting" | "catching_up" | "live" | "waiting" | "closed";

/** Where a reported event is in the log; it is on the disk by then. */
export interface Receipt {
  position: number;
  sequence: number;
}

/** An event to report: its `type`, `job_id` and own fields. With an `event_id` of yours, it is recorded once. */
export interface Message {
  type: EventType;
  job_id: string;
  event_id?: string;
  [field: string]: unknown;
}

/** What connect() needs of a WebSocket class. */
export type WebSocketClass = new (url: string) => {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
  addEventListener(name: any, listener: (event: any) => void): void;
};

export interface Options {
  /** What to follow: `jobs` and `photos` if not given; an empty list only reports. */
  channels?: Iterable<Channel>;
  /** Only events of these types. */
  types?: EventType[];
  /** Begin after this position: 0 is the beginning of the log, a kept `cursor` where you left; none is from now on. */
  after?: number;
  /** The log that `after` is of: the `epoch` kept with it. */
  epoch?: string;
  /** How this client is shown to those who look who is connected. */
  clientType?: string;
  clientName?: string;
  /**
   * For a server that asks for one: what `tracker token create` printed. It goes to the server in the first message,
   * and nowhere else. Who can read the page can read it: let it only `read`, and expire.
   */
  token?: string;
  /** Where there is no global one (Node.js before 22), or in a test. */
  WebSocket?: WebSocketClass;
  /** From 0 to 1, instead of Math.random: spreads the attempts of many clients to connect again. */
  random?: () => number;
  /** For tests: with `false`, an event that was lost on the way stays lost. */
  detectGaps?: boolean;
  /** Each event, in order, once. What it returns is not waited for: for slow work, iterate. */
  onEvent?: (event: JobEvent) => void;
  /** The server has another log now. Clear what you have: its first event comes next. */
  onReset?: (log: { epoch: string; head: number }) => void;
  /** Events above `after` were pruned, at most up to `horizon`; what is left of them comes next. */
  onTruncated?: (gap: { after: number; horizon: number }) => void;
  /** Everything up to this position was received: what comes now is new. Again after each connection. */
  onCaughtUp?: (position: number) => void;
  onState?: (state: State) => void;
  /**
   * The server refused something, or sent what is no message. Where the subscription itself was refused, or with the
   * codes `unauthorized` (no good token), `forbidden` and `not_allowed`, the connection is closed for good. A lost
   * connection is no error: see onState.
   */
  onError?: (error: TrackerError) => void;
}

/**
 * A followed server: the events go to `onEvent`, or to the one reader that iterates.
 *
 * Events that a slow reader has not taken wait in memory, without a limit: the server never waits for a reader.
 * Where memory matters, close it and connect again with its `cursor`.
 */
export interface Tracker extends AsyncIterable<JobEvent> {
  /** Position of the last event handed on, or a later one up to which there was none; undefined until it is known. */
  readonly cursor: number | undefined;
  /** The name of the log that the cursor is of. */
  readonly epoch: string | undefined;
  readonly state: State;
  /** Follow these channels too, from the cursor on. */
  subscribe(channels: Iterable<Channel>): void;
  /** Follow these channels no more. What is already on its way still comes. */
  unsubscribe(channels: Channel[]): void;
  /**
   * Record an event. Resolves once it is on the server's disk; where connections are lost meanwhile, it is sent again
   * and recorded once. Rejects with a TrackerError whose `code` says why: one of the server's (`job_not_found`, …),
   * `event_too_large`, or `closed`.
   */
  report(message: Message): Promise<Receipt>;
  /**
   * Stop for good. Iteration ends, and what waited for it is forgotten (the cursor is that of the last event taken);
   * reports without an answer are rejected with the code `closed`.
   */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<JobEvent, void>;
}

/**
 * Follow a server's events and report to it, until `close()`.
 *
 * A lost connection is made again, for ever, at growing intervals up to 30 seconds, and resumes at the cursor: every
 * event is handed on once. No callback is called before this returns.
 *
 * @param url `ws://localhost:5100/ws`; also http(s), or in a page one relative to it.
 * @throws SyntaxError or TypeError if the URL is none.
 */
export function connect(url: string | URL, options?: Options): Tracker;

/** What went wrong: `message` is for people, `code` for programs, `detail` is what the server or the socket said. */
export class TrackerError extends Error {
  constructor(message: string, code: string, detail?: unknown);
  readonly code: string;
  readonly detail: unknown;
}
