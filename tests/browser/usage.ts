// Compiled, never run: what a page in TypeScript may write, and what the compiler must refuse.

import { connect, TrackerError } from "../../api/dashboard/jobreel.js";
import type { JobEvent, Options, Receipt, State, Tracker } from "../../api/dashboard/jobreel.js";

const bars = new Map<string, number>();

function show(event: JobEvent): void {
  switch (event.type) {
    case "job_started":
      bars.set(event.job_id, 0);
      break;
    case "job_progress":
      bars.set(event.job_id, event.progress);
      break;
    case "stage_completed":
      console.log(event.stage, event.result.aperture);
      break;
    case "photo_info":
      console.log(event.photo_data);
      break;
    case "error_occurred":
      console.log(event.stage?.length, event.error_message);
      break;
    case "job_completed":
      console.log(event.stages_completed.map(({ stage }) => stage), event.duration.toFixed());
      break;
    case "job_failed":
      console.log(event.success satisfies false);
      break;
    default:
      event satisfies never;
  }
}

const options: Options = {
  channels: ["jobs", "job:7"],
  types: ["job_progress"],
  after: Number(localStorage.getItem("cursor") ?? 0),
  epoch: localStorage.getItem("epoch") ?? undefined,
  token: localStorage.getItem("token") ?? undefined,
  WebSocket,
  onEvent: show,
  onReset: ({ epoch, head }) => console.log(epoch, head.toFixed()),
  onTruncated: ({ after, horizon }) => console.log(horizon - after),
  onCaughtUp: (position) => console.log(position.toFixed()),
  onState: (state: State) => console.log(state),
  onError: (error) => console.log(error.code, error.detail),
};

export async function follow(): Promise<void> {
  const tracker: Tracker = connect("ws://localhost:5100/ws", options);
  tracker.subscribe(["photos"]);
  tracker.unsubscribe(["photos"]);
  const receipt: Receipt = await tracker.report({ type: "job_started", job_id: "j", photo_id: 7 });
  console.log(receipt.position, tracker.cursor?.toFixed(), tracker.epoch, tracker.state);
  for await (const event of connect(new URL("/ws", location.href))) show(event);
  const failure: Error = new TrackerError("for people", "for_programs");
  console.log(failure.message);
  tracker.close();

  // @ts-expect-error  A channel of another name would be refused by the server.
  tracker.subscribe(["videos"]);
  // @ts-expect-error  The cursor moves by reading.
  tracker.cursor = 3;
  // @ts-expect-error  An event belongs to a job.
  await tracker.report({ type: "job_started" });
  // @ts-expect-error  A token is text.
  connect("ws://localhost:5100/ws", { token: 7 });
  // @ts-expect-error  An option that does not exist.
  connect("ws://localhost:5100/ws", { reconnect: true });
}
