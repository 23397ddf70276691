/**
 * A VM never runs twice: over all hosts, at every instant, the processors of at most one guest of a VM run; copies that stand still may be more. And
 * what a moved guest had it has: what goes on is the memory that ran last, as it was when it stood still. Asked whenever a guest begins or goes on.
 *
 * It looks at the modelled machines, not at what anybody believes of them.
 */
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { KeptCheckpoint } from "../outside/checkpoint-making.ts";
import type { GuestMemory } from "../outside/guest-memory.ts";
import type { GuestWatcher } from "../outside/guest.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { CheckpointChecker } from "./checkpoint-checker.ts";

interface Running {
  readonly host: number;
  readonly instance: string;
  readonly sinceUs: number;
}

export class VmChecker implements GuestWatcher {
  starts = 0;
  /** Guests that their guards ended. */
  leaseEnds = 0;
  /** Guests that stood still, and that went on where they had not run before. */
  stood = 0;
  moved = 0;
  readonly checkpoints: CheckpointChecker;
  readonly #timeline: Timeline;
  readonly #running = new Map<string, Running>();
  /** By VM: the memory that ran last, and the host that it ran on. */
  readonly #memories = new Map<string, GuestMemory & { readonly host: number }>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.checkpoints = new CheckpointChecker(timeline);
  }

  onGuestStarted(host: number, launch: InstanceLaunch, memory?: GuestMemory): void {
    if (memory !== undefined) this.checkpoints.onGuestStarted(host, launch, memory);
    this.starts += 1;
    this.#memories.delete(launch.vm);
    this.#run(host, launch, "starts");
  }

  onGuestStands(host: number, { vm }: InstanceLaunch, memory: GuestMemory): void {
    this.stood += 1;
    this.#memories.set(vm, { ...memory, host });
    if (this.#running.get(vm)?.host === host) this.#running.delete(vm);
  }

  onGuestGoes(host: number, launch: InstanceLaunch, memory: GuestMemory): void {
    const { vm, instance } = launch;
    const last = this.#memories.get(vm);
    if (last?.id !== memory.id || memory.ranUs < last.ranUs) {
      const had = last === undefined ? "another that has booted since" : `${last.id}, which ran for ${last.ranUs} us`;
      this.#timeline.fail(
        "a-moved-guest-loses-nothing",
        `VM "${vm}" goes on at host ${host} as ${instance} with memory ${memory.id} of ${memory.ranUs} us; the last was ${had}`,
      );
    }
    if (last !== undefined && last.host !== host) this.moved += 1;
    // It runs on from there: another copy of what it was until now is too old.
    this.#memories.set(vm, { ...memory, ranUs: memory.ranUs + 1, host });
    this.#run(host, launch, "goes on");
  }

  #run(host: number, { vm, instance }: InstanceLaunch, how: string): void {
    const other = this.#running.get(vm);
    if (other !== undefined) {
      const since = `since ${other.sinceUs / 1000} ms`;
      this.#timeline.fail(
        "a-vm-never-runs-twice",
        `VM "${vm}" ${how} on host ${host} as ${instance}, and runs on host ${other.host} as ${other.instance} ${since}`,
      );
    }
    this.#running.set(vm, { host, instance, sinceUs: this.#timeline.nowUs });
  }

  onCheckpointKept(_: number, id: string, kept: KeptCheckpoint): void {
    this.checkpoints.onKept(id, kept);
  }

  onCheckpointGone(host: number, id: string): void {
    this.checkpoints.onGone(host, id);
  }

  onGuestEnded(host: number, { vm, instance }: InstanceLaunch, reason: string): void {
    if (reason === "lease") this.leaseEnds += 1;
    const running = this.#running.get(vm);
    if (running?.instance === instance && running.host === host) this.#running.delete(vm);
  }
}
