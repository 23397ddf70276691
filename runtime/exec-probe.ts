/**
 * A health check by a command in a guest, over the streams of a hypervisor: both worlds' probers ask by it.
 *
 * It wants the status alone; of what the command says it keeps the beginning, for the message of a failure, and lets the rest flow by. A stream
 * always ends (`ports/guest-streams.ts`); that it ends in time is its caller's to see to, who may cancel it.
 */
import type { StreamEnd } from "./ports/guest-streams.ts";
import type { GuestVerbs } from "./ports/guest-verbs.ts";
import type { ExecTarget } from "./ports/prober.ts";

/** Of its output in a message, in bytes: a sentence. */
const SAID_MAX = 160;

/** Runs it; `done` hears null when it ended with status 0, else why not, and nothing after the function that is returned was called. */
export function probeByExec(
  guests: Pick<GuestVerbs, "openStream">,
  { instance, command, timeoutMs }: ExecTarget,
  done: (failure: string | null) => void,
): () => void {
  let open = true;
  let said = "";
  const stream = guests.openStream(
    { type: "exec", instance, command, env: {}, timeoutMs },
    {
      onFile: () => undefined,
      onOutput: (_, bytes) => {
        if (!open) return;
        if (said.length < SAID_MAX) said += readable(bytes.subarray(0, SAID_MAX - said.length));
        stream.grant(bytes.length);
      },
      onGrant: () => undefined,
      onEnd: (end) => {
        if (!open) return;
        open = false;
        done(failureOf(end, said.trim()));
      },
    },
  );
  stream.finish();
  return () => {
    if (!open) return;
    open = false;
    stream.cancel();
  };
}

function failureOf(end: StreamEnd, said: string): string | null {
  if (!end.ok) return end.message;
  if (end.type === "exited" && end.code === 0) return null;
  const how =
    end.type === "exited" ? `status ${end.code}` : end.type === "killed" ? `signal ${end.signal}` : "no status";
  return said === "" ? how : `${how}: ${said}`;
}

/** What a terminal can be shown of a guest's bytes. */
function readable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : " ")).join("");
}
