/** The CheckpointActors of one node, by the checkpoint's id: made when the map wants something of a checkpoint here, and gone when it has heard of it. */
import type { AnyRef, Context, Hypervisor, Ref } from "../../runtime/index.ts";
import type { Command } from "../cluster/commands.ts";
import type { ProposeReply } from "../cluster/replica-protocol.ts";
import type { Checkpoint } from "../resources/index.ts";
import type { VmReport } from "../vm/vm-message.ts";
import { checkpointActor } from "./checkpoint-actor.ts";
import type { CheckpointMessage, CheckpointNews, CheckpointWord } from "./checkpoint-message.ts";
import type { NodeMessage } from "./node-message.ts";
import type { Lease } from "./wishes.ts";

/** Pause before an actor that crashed is made anew: its crash is a bug about one checkpoint, and must not be a busy loop. */
const RESPAWN_MS = 1000;

type Phase = Checkpoint["status"]["phase"];

interface Kept {
  /** Null after a crash, until it is made anew. */
  readonly ref: Ref<CheckpointMessage> | null;
  readonly checkpoint: Checkpoint;
  /** As the map showed it when the actor was told last. */
  readonly phase: Phase;
}

type OriginRefused = Extract<VmReport, { readonly type: "vm-origin-refused" }>;

export interface CheckpointActorsOptions {
  readonly ctx: Context<NodeMessage>;
  readonly hypervisor: Hypervisor;
  /** What the map shows, by name. */
  readonly shown: ReadonlyMap<string, Checkpoint>;
  readonly propose: (command: Command, adapt: (reply: ProposeReply) => NodeMessage) => void;
}

export class CheckpointActors {
  readonly #options: CheckpointActorsOptions;
  readonly #kept = new Map<string, Kept>();
  /** Those that were begun in this process and are over, with the phase in which that was said, for as long as the map shows them. */
  readonly #done = new Map<string, Phase>();

  constructor(options: CheckpointActorsOptions) {
    this.#options = options;
  }

  /** `lease`: null while the node holds none. Then words wait; that a checkpoint does not fit is found again at the next start. */
  handle(message: CheckpointNews | OriginRefused, lease: Lease | null): void {
    switch (message.type) {
      case "vm-origin-refused":
        if (lease !== null) this.#sayUnfit(message, lease);
        return;
      case "checkpoint-says":
        this.#say(message.id, message.word, lease);
        return;
      case "checkpoint-answered":
        this.#answer(message.id, message.reply.ok ? message.reply.outcome.ok : null);
        return;
      case "checkpoint-done":
        this.#finish(message.id);
        return;
      case "checkpoint-respawn-due":
        this.#respawn(message.id);
        return;
      case "checkpoint-heard":
        return;
      default:
        message satisfies never;
    }
  }

  /** Makes the actors match what the map wants on that node. */
  reconcile(node: string): void {
    const ids = new Set<string>();
    for (const checkpoint of this.#options.shown.values()) {
      const { status } = checkpoint;
      if (status.node !== node) continue;
      ids.add(status.id);
      if (isWorkFor(checkpoint)) this.#want(checkpoint);
    }
    for (const id of this.#done.keys()) if (!ids.has(id)) this.#done.delete(id);
  }

  /**
   * Those whose bytes may be on that node. What was Lost, the map takes back of none, and what it does not show it will never show again: a node that was
   * removed, or began anew with another log, may have bytes of such.
   */
  idsOn(node: string): readonly string[] {
    const all = [...this.#options.shown.values()];
    return all.filter(({ status }) => status.node === node && status.phase !== "Lost").map(({ status }) => status.id);
  }

  crashed(ref: AnyRef): void {
    for (const [id, kept] of this.#kept) {
      if (kept.ref?.path !== ref.path) continue;
      this.#kept.set(id, { ...kept, ref: null });
      this.#options.ctx.setTimer(`checkpoint:${id}`, RESPAWN_MS, { type: "checkpoint-respawn-due", id });
    }
  }

  #say(id: string, word: CheckpointWord, lease: Lease | null): void {
    const checkpoint = this.#kept.get(id)?.checkpoint;
    if (checkpoint === undefined || lease === null) return this.#answer(id, null);
    const { metadata, spec } = checkpoint;
    const command = { ...word, ...lease, checkpoint: metadata.name, id, instance: spec.instance };
    this.#options.propose(command, (reply) => ({ type: "checkpoint-answered", id, reply }));
  }

  #sayUnfit({ from, message }: OriginRefused, lease: Lease): void {
    const known = this.#options.shown.get(from.checkpoint);
    if (known?.status.id !== from.id) return;
    const about = { ...lease, checkpoint: from.checkpoint, id: from.id, instance: known.spec.instance };
    const observation = { phase: "Failed", message } as const;
    this.#options.propose({ type: "observe-checkpoint", ...about, observation }, () => ({ type: "checkpoint-heard" }));
  }

  #answer(id: string, carriedOut: boolean | null): void {
    this.#tell(id, { type: "word-answered", carriedOut });
  }

  #finish(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#done.set(id, kept.phase);
  }

  #respawn(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.ref !== null) return;
    this.#kept.delete(id);
    const shown = this.#options.shown.get(kept.checkpoint.metadata.name);
    if (shown?.status.id === id && isWorkFor(shown)) this.#spawn(shown, true);
  }

  #want(checkpoint: Checkpoint): void {
    const { id, phase } = checkpoint.status;
    const kept = this.#kept.get(id);
    if (kept === undefined) {
      if (this.#done.get(id) !== phase) this.#spawn(checkpoint, this.#done.has(id));
    } else if (kept.phase !== phase) {
      this.#kept.set(id, { ...kept, phase });
      if (phase === "Deleting") this.#tell(id, { type: "unwanted" });
    }
  }

  #spawn(checkpoint: Checkpoint, begun: boolean): void {
    const { id, phase } = checkpoint.status;
    const { ctx, hypervisor } = this.#options;
    const options = { checkpoint, begun, hypervisor, parent: ctx.self };
    const ref = ctx.spawn(checkpointActor(options), { name: `checkpoint-${id}` });
    ctx.watch(ref);
    this.#kept.set(id, { ref, checkpoint, phase });
  }

  #tell(id: string, message: CheckpointMessage): void {
    const ref = this.#kept.get(id)?.ref;
    if (ref !== undefined && ref !== null) this.#options.ctx.tell(ref, message);
  }
}

function isWorkFor({ status: { phase } }: Checkpoint): boolean {
  return phase === "Making" || phase === "Deleting";
}
