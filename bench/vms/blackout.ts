/**
 * How long a guest is away while it moves, by its own counter: a line on its console each 10 ms, while it writes to memory all the time. The
 * blackout is the time between two lines, of which the second came from another QEMU. Beside it, how far apart lines are while nothing happens.
 */
import { existsSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { InstanceLaunch } from "../../runtime/index.ts";
import { launchOf, type MeasuredHost } from "./measured-host.ts";

/** Four pages of it are written between two lines, without a process, which would cost more than the 10 ms. */
export const COUNTING: string = [
  "mkfifo /tmp/never; exec 9<>/tmp/never; page=$(printf %4096s x); i=0",
  "while :; do i=$((i+1)); for n in 1 2 3 4; do echo $page >/dev/shm/$((i%64))-$n; done; echo count $i; read -t 0.01 x <&9; done",
].join("\n");
const LIMITS = { bandwidthBytesPerSecond: 1_000_000_000, downtimeMs: 40, autoConverge: true, timeoutMs: 60_000 };
const LOOK_MS = 1;
const QUIET_MS = 1_000;

export interface Move {
  readonly blackoutMs: number;
  /** Longest time between two lines in the second before. */
  readonly usualMs: number;
  /** As QEMU tells it. */
  readonly downtimeMs: number;
  readonly totalMs: number;
}

/** Moves the guest of `from` to `to`, where it goes on as `instance` too. */
export async function move(from: MeasuredHost, to: MeasuredHost, instance: string): Promise<Move> {
  const watch = new LineWatch([from.console(instance), to.console(instance)]);
  try {
    await delay(QUIET_MS);
    const usualMs = watch.longestGapMs;
    const launch: InstanceLaunch = launchOf(instance, { type: "migration", listenAddress: "127.0.0.1" }, COUNTING);
    const { incoming } = await to.start(launch);
    if (incoming === undefined) throw new Error("It does not listen");
    watch.reset();
    const startMs = performance.now();
    const request = { instance, to: incoming, limits: LIMITS, onProgress: () => undefined };
    const sent = from.verb<{ downtimeMs: number }>((done) => from.hypervisor.verbs.migrate(request, done));
    await to.event("arrived", instance);
    await to.verb((done) => to.hypervisor.verbs.resume(instance, done));
    const totalMs = performance.now() - startMs;
    const { downtimeMs } = await sent;
    await watch.until(1);
    await delay(QUIET_MS / 4);
    return { blackoutMs: watch.handoverMs, usualMs, downtimeMs, totalMs };
  } finally {
    watch.close();
  }
}

/** Notes when files grow. */
class LineWatch {
  readonly #files: readonly string[];
  readonly #sizes: number[];
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #last = -1;
  longestGapMs = 0;
  handoverMs = 0;

  constructor(files: readonly string[]) {
    this.#files = files;
    this.#sizes = files.map(sizeOf);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  reset(): void {
    this.longestGapMs = 0;
  }

  async until(file: number): Promise<void> {
    while (this.#last !== file) await delay(LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    for (const [at, file] of this.#files.entries()) {
      const size = sizeOf(file);
      if (size === this.#sizes[at]) continue;
      this.#sizes[at] = size;
      const gapMs = nowMs - this.#lastMs;
      if (this.#last >= 0) this.longestGapMs = Math.max(this.longestGapMs, gapMs);
      if (this.#last === 0 && at === 1) this.handoverMs = gapMs;
      this.#last = at;
      this.#lastMs = nowMs;
    }
  }
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
