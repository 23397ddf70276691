/**
 * Commands in modelled guests: each ends with status 0 after a moment, where the guest serves. One that hangs or stands still answers nothing until the
 * time of the command is over. Reads and writes nothing, so files and consoles are not modelled.
 */
import {
  NO_STREAM,
  type GuestStream,
  type StreamEnd,
  type StreamListener,
  type StreamRequest,
} from "../../runtime/index.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Host } from "./host.ts";

/** How long a command takes, in microseconds. Always as long, so that checks of guests draw nothing that others would have drawn. */
const COMMAND_US = 5000;

/** How long a silent guest is waited for where the caller sets no time, in milliseconds. */
const SILENCE_MS = 10_000;

export function openExec(host: Host, life: ProcessLife, request: StreamRequest, listener: StreamListener): GuestStream {
  let open = true;
  const end = (delayUs: number, how: () => StreamEnd): void => {
    host.timeline.after(delayUs, () => {
      life.enter(() => {
        if (!open) return;
        open = false;
        listener.onEnd(how());
      });
    });
  };
  const guest = host.guests.get(request.instance);
  const refused = (code: "not-running" | "timed-out" | "cancelled", why: string): StreamEnd => ({
    ok: false,
    code,
    message: `Cannot run a command in instance "${request.instance}": ${why}`,
  });
  const isStalled = guest !== undefined && host.disks?.isStalled(guest) === true;
  const serves = guest?.booted === true && !guest.hung && guest.stance === "runs" && !isStalled;
  if (guest === undefined) end(0, () => refused("not-running", "it does not run"));
  else if (serves && !host.troubles.strikes("socket-lost")) {
    end(COMMAND_US, () => {
      const runs = host.guests.get(request.instance) === guest;
      return runs ? { ok: true, type: "exited", code: 0 } : refused("not-running", "it has ended");
    });
  } else {
    const silenceMs = (request.type === "exec" ? request.timeoutMs : undefined) ?? SILENCE_MS;
    end(silenceMs * 1000, () => refused("timed-out", "its agent does not answer"));
  }
  return { ...NO_STREAM, cancel: () => end(0, () => refused("cancelled", "it was cancelled")) };
}
