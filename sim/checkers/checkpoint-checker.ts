/**
 * What must hold of checkpoints, looked at on the modelled machines and not in what anybody believes of them:
 *
 * - a guest that is started from one goes on with exactly the counter that the guest had when it was made;
 * - its disk is of the same moment;
 * - an identity belongs to one VM: what a clone says that it is nobody else has ever said; what is restored is who it was;
 * - one that the map of its node shows as Ready was made, and its bytes are not removed, unless the whole disk is lost.
 */
import type { Checkpoint, ClusterView } from "../../actors/index.ts";
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { KeptCheckpoint } from "../outside/checkpoint-making.ts";
import type { GuestMemory } from "../outside/guest-memory.ts";
import type { Timeline } from "../timeline/timeline.ts";

export class CheckpointChecker {
  made = 0;
  removed = 0;
  restored = 0;
  cloned = 0;
  /** The map as a node has it; undefined while it has none. */
  viewOf: (node: number) => ClusterView | undefined = () => undefined;
  readonly #timeline: Timeline;
  /** All that were ever made, by id. */
  readonly #kept = new Map<string, GuestMemory>();
  /** Which VM has said that it is that. */
  readonly #identities = new Map<string, string>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  onGuestStarted(host: number, { vm, instance, from }: InstanceLaunch, memory: GuestMemory): void {
    const owner = this.#identities.get(memory.identity) ?? vm;
    const who = `Guest ${instance} of VM "${vm}" at host ${host}`;
    if (owner !== vm) {
      this.#timeline.fail(
        "a-clone-is-nobody-else",
        `${who} says that it is ${memory.identity}, which VM "${owner}" is`,
      );
    }
    this.#identities.set(memory.identity, vm);
    if (from?.type !== "checkpoint") return;
    const kept = this.#kept.get(from.id);
    if (kept?.ranUs !== memory.ranUs) {
      const why = `has run for ${memory.ranUs} us by its counter, and checkpoint ${from.id} is of ${kept?.ranUs} us`;
      this.#timeline.fail("a-restored-guest-goes-on-where-it-was", `${who} ${why}`);
    }
    if (memory.writtenUs !== memory.ranUs) {
      const why = `has run for ${memory.ranUs} us by its memory, and its disk, of checkpoint ${from.id}, says ${memory.writtenUs} us`;
      this.#timeline.fail("memory-and-disk-are-of-one-moment", `${who} ${why}`);
    }
    if (from.identity === "fresh") this.cloned += 1;
    else this.restored += 1;
    if (from.identity === "fresh" || kept?.identity === memory.identity) return;
    const why = `says that it is ${memory.identity}, and was restored as ${kept?.identity}`;
    this.#timeline.fail("a-restored-guest-goes-on-where-it-was", `${who} ${why}`);
  }

  onKept(id: string, { memory }: KeptCheckpoint): void {
    this.made += 1;
    this.#kept.set(id, memory);
  }

  onGone(host: number, id: string): void {
    this.removed += 1;
    const shown = readyOf(this.viewOf(host)).find(({ status }) => status.id === id);
    if (shown === undefined) return;
    this.#lacks(shown, `host ${host} has removed its bytes`);
  }

  /** `view`: the map of who leads. */
  checkEnd(view: ClusterView): void {
    for (const shown of readyOf(view)) if (!this.#kept.has(shown.status.id)) this.#lacks(shown, "it was never made");
  }

  marks(): Readonly<Record<string, number>> {
    return {
      "checkpoints made": this.made,
      "checkpoints removed": this.removed,
      "guests restored": this.restored,
      "guests cloned": this.cloned,
    };
  }

  #lacks({ metadata, status }: Checkpoint, why: string): void {
    const what = `Checkpoint "${metadata.name}" (${status.id}) of ${status.node} is Ready in the map, and ${why}`;
    this.#timeline.fail("a-ready-checkpoint-has-its-bytes", what);
  }
}

function readyOf(view: ClusterView | undefined): readonly Checkpoint[] {
  const all = (view?.list("Checkpoint") ?? []) as readonly Checkpoint[];
  return all.filter(({ status }) => status.phase === "Ready");
}
