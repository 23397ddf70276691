/** The prober of the Node.js world: one TCP connection, or one HTTP GET, on a connection of its own; or a command of a guest's agent. */
import { request } from "node:http";
import { createConnection } from "node:net";
import { probeByExec } from "../exec-probe.ts";
import type { GuestVerbs } from "../ports/guest-verbs.ts";
import type { PortTarget, Prober, ProbeResult, ProbeTarget } from "../ports/prober.ts";

/** `guests`: those of this host, for commands in them. */
export function createNodeProber(guests: Pick<GuestVerbs, "openStream">): Prober {
  return {
    probe: (target, done) => {
      const place = placeOf(target);
      let open = true;
      const finish = (result: ProbeResult): void => {
        if (!open) return;
        open = false;
        clearTimeout(timer);
        cancel();
        // Never during the call of `probe`, also when the target is refused at once.
        setImmediate(() => done(result));
      };
      const failed = (reason: string): void => finish({ ok: false, message: `${place}: ${reason}` });
      const timer = setTimeout(() => failed(`no answer in ${target.timeoutMs} ms`), target.timeoutMs);
      let cancel: () => void = () => undefined;
      try {
        cancel = start(target, guests, () => finish({ ok: true }), failed);
      } catch (error) {
        // A path or port that no request can be made of.
        failed((error as Error).message);
      }
    },
  };
}

function placeOf(target: ProbeTarget): string {
  if (target.kind === "exec") return `exec ${target.command[0]}`;
  return `${target.kind} ${target.address}:${target.port}${target.kind === "http" ? target.path : ""}`;
}

function start(
  target: ProbeTarget,
  guests: Pick<GuestVerbs, "openStream">,
  healthy: () => void,
  failed: (reason: string) => void,
): () => void {
  if (target.kind !== "exec") return (target.kind === "tcp" ? probeTcp : probeHttp)(target, healthy, failed);
  return probeByExec(guests, target, (failure) => (failure === null ? healthy() : failed(failure)));
}

/** Starts a check; returns what ends it. */
type Check = (target: PortTarget, healthy: () => void, failed: (reason: string) => void) => () => void;

const probeTcp: Check = (target, healthy, failed) => {
  const socket = createConnection({ host: target.address, port: target.port });
  socket.once("connect", healthy);
  // Stays: an error may still come after the answer.
  socket.on("error", (error) => failed(error.message));
  return () => socket.destroy();
};

const probeHttp: Check = (target, healthy, failed) => {
  const { address: host, port, path } = target;
  const asked = request({ host, port, path, agent: false, headers: { "user-agent": "blixard-probe" } }, (answer) => {
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status <= 399) healthy();
    else failed(`status ${status}`);
  });
  asked.on("error", (error) => failed(error.message));
  asked.end();
  return () => asked.destroy();
};
