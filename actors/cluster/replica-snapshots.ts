/**
 * Snapshots of the replicated state between the replica and its Raft actor, which keeps them on disk and sends them to others: views
 * that are being written down, and the one that is being taken over.
 */
import type { Context, PayloadCodec, Ref } from "../../runtime/index.ts";
import type { RecordChunks } from "../raft/machine/record-stream.ts";
import type { RaftActorMessage, RaftEvent } from "../raft/raft-actor-protocol.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import { SnapshotReader, snapshotChunks, type StateAt } from "./state-snapshot.ts";

type EventOf<Type extends RaftEvent["type"]> = Extract<RaftEvent, { readonly type: Type }>;

export class ReplicaSnapshots {
  readonly #ctx: Context<ReplicaMessage>;
  readonly #raft: Ref<RaftActorMessage>;
  readonly #codec: PayloadCodec;
  /** By the number of Raft's request. */
  readonly #views = new Map<number, RecordChunks>();
  #restoring: { readonly reader: SnapshotReader; next: number } | null = null;

  constructor(options: {
    readonly ctx: Context<ReplicaMessage>;
    readonly raft: Ref<RaftActorMessage>;
    readonly codec: PayloadCodec;
  }) {
    this.#ctx = options.ctx;
    this.#raft = options.raft;
    this.#codec = options.codec;
  }

  /** Holds on to the state as it is now. */
  take(request: number, state: StateAt): void {
    this.#views.set(request, snapshotChunks(state, this.#codec));
    this.#ctx.tell(this.#raft, { type: "snapshot-taken", request, index: state.view.applied });
  }

  /** Encodes the next chunk. A view that was dropped has none. */
  nextChunk({ request, number }: EventOf<"next-chunk">): void {
    const view = this.#views.get(request);
    if (view === undefined) return;
    const { bytes, last } = view.next();
    if (last) this.#views.delete(request);
    this.#ctx.tell(this.#raft, { type: "snapshot-chunk", request, number, bytes, last });
  }

  drop(request: number): void {
    this.#views.delete(request);
  }

  /**
   * Takes a part of the state that is to come. @returns that state with the last part; `lost` when a part before this one got lost, which takes a
   * mailbox that overflowed. @throws {StoreError} for what is no snapshot of this version.
   */
  restore({ number, bytes, last }: EventOf<"restore">): StateAt | "lost" | null {
    if (number === 0) this.#restoring = { reader: new SnapshotReader(this.#codec), next: 0 };
    const restoring = this.#restoring;
    if (restoring === null || number !== restoring.next) {
      this.#restoring = null;
      return "lost";
    }
    restoring.next += 1;
    restoring.reader.add(bytes);
    if (!last) return null;
    this.#restoring = null;
    return restoring.reader.finish();
  }
}
