/**
 * Snapshots of the machine of this member: asks for a view, takes its chunks one by one as the disk takes them, and lets the core know
 * when the whole is durable.
 *
 *     take-snapshot ─▶ snapshot-taken ─▶ begin ─▶ ┌ next-chunk ─▶ snapshot-chunk ─▶ write ┐ ─▶ finish ─▶ snapshot-made
 *                                                  └──────────── until the last ──────────┘
 *
 * The machine goes on applying meanwhile; only the next chunk is ever made. The index, its term and the configuration as of it are
 * fixed when the view is asked for: all that the subscriber is told before that it has applied when it takes the view.
 */
import { crc32 } from "../../../runtime/crc32.ts";
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot, SnapshotHead } from "../../../runtime/ports/snapshot-store.ts";
import type { StoreError } from "../../../runtime/ports/store-error.ts";
import type { Ref } from "../../../runtime/ref.ts";
import { encodeConfiguration } from "../core/configuration-codec.ts";
import { EMPTY_CONFIGURATION } from "../core/configuration.ts";
import type { RaftView } from "../core/raft-core.ts";
import { ENTRY_OVERHEAD_BYTES } from "../core/raft-log.ts";
import type { HostPorts } from "../host-ports.ts";
import type { RaftMachineMessage, SnapshotNowReply } from "../raft-actor-protocol.ts";
import type { SnapshotOptions } from "../raft-actor-options.ts";

interface SnapshotMakerOptions {
  readonly ports: HostPorts;
  readonly settings: SnapshotOptions;
  readonly view: RaftView;
  readonly found: FinishedSnapshot | null;
  /** The store's unfinished snapshot is this one from now on. */
  onBegin(): void;
  onMade(snapshot: FinishedSnapshot): void;
  /** The store did not take one. */
  onRefused(error: StoreError): void;
}

interface Making {
  readonly request: number;
  readonly head: SnapshotHead;
  /** What had come since the one before, of which it was due. */
  readonly entries: number;
  readonly bytes: number;
  chunks: number;
  sizeBytes: number;
  checksum: number;
}

type MachineMessage<Type extends RaftMachineMessage["type"]> = Extract<RaftMachineMessage, { readonly type: Type }>;

/** After a snapshot that could not be made, for want of room, of a disk that works or of a view, the next one waits so long. */
const PAUSE_MS = 5000;

export class SnapshotMaker {
  readonly #options: SnapshotMakerOptions;
  /** As of the newest snapshot; and since then: what was committed. */
  #index: number;
  #entries = 0;
  #bytes = 0;
  /** Of the last configuration that was committed. */
  #configuration: Uint8Array;
  #lastRequest = 0;
  #making: Making | null = null;
  #asked: Ref<SnapshotNowReply>[] = [];
  #mustReplace = false;
  #notBeforeMs = -Infinity;

  constructor(options: SnapshotMakerOptions) {
    this.#options = options;
    this.#index = options.found?.index ?? 0;
    this.#configuration = options.found?.configuration ?? encodeConfiguration(EMPTY_CONFIGURATION);
  }

  committed(entries: readonly LogEntry[]): void {
    for (const { type, payload } of entries) {
      this.#bytes += payload.length;
      if (type === "configuration") this.#configuration = payload;
    }
    this.#entries += entries.length;
  }

  /** The machine's state is a leader's snapshot now. */
  restored({ index, configuration }: FinishedSnapshot): void {
    this.giveUp("the leader's snapshot has taken its place");
    this.#index = index;
    this.#configuration = configuration;
    this.#entries = 0;
    this.#bytes = 0;
    this.#mustReplace = false;
  }

  /**
   * `handed`: what the subscriber has been told, up to here. With a `patience` of 2, twice as much makes one due; but only entries that take
   * `memoryBytesMin` of memory do.
   */
  makeIfDue(handed: number, options: { readonly patience: number; readonly memoryBytesMin: number }): void {
    const { settings, ports } = this.#options;
    const isNews = handed > this.#index || (this.#mustReplace && handed === this.#index);
    if (this.#making !== null || !isNews || ports.ctx.now() < this.#notBeforeMs) return;
    const { patience, memoryBytesMin } = options;
    const isMuch = this.#entries >= patience * settings.everyEntries || this.#bytes >= patience * settings.everyBytes;
    const isDue = isMuch && this.#bytes + this.#entries * ENTRY_OVERHEAD_BYTES >= memoryBytesMin;
    if (!isDue && !this.#mustReplace) return;
    this.#begin(handed);
  }

  makeNow(handed: number, replyTo: Ref<SnapshotNowReply>): void {
    const { ctx } = this.#options.ports;
    const refuse = (code: "snapshot-under-way" | "nothing-to-snapshot", why: string): void =>
      ctx.tell(replyTo, { ok: false, code, message: `Cannot make a snapshot at node "${ctx.node}": ${why}` });
    if (this.#making !== null) {
      const { index } = this.#making.head;
      return refuse("snapshot-under-way", `one as of index ${index} is being made; wait until it is done`);
    }
    if (handed <= this.#index) {
      return refuse("nothing-to-snapshot", `nothing was applied since the one as of index ${this.#index}`);
    }
    this.#asked.push(replyTo);
    this.#begin(handed);
  }

  /** The newest one cannot be read: another one is due, also when nothing is new. */
  replace(): void {
    this.#mustReplace = true;
  }

  giveUp(why: string): void {
    const making = this.#making;
    if (making === null) return;
    const { tell, ctx } = this.#options.ports;
    this.#making = null;
    this.#notBeforeMs = ctx.now() + PAUSE_MS;
    // Still due: if as much had to come again, the log would grow by that with each that is not kept.
    this.#entries += making.entries;
    this.#bytes += making.bytes;
    tell({ type: "drop-snapshot", request: making.request });
    const message = `Cannot make a snapshot at node "${ctx.node}": ${why}; try again later`;
    this.#answer({ ok: false, code: "store-failed", message });
  }

  onTaken({ request, index }: MachineMessage<"snapshot-taken">): void {
    const making = this.#making;
    if (making?.request !== request) return;
    if (index !== making.head.index) return this.giveUp(`its machine is at index ${index}, not ${making.head.index}`);
    const { options } = this.#options.ports;
    this.#options.onBegin();
    options.snapshots.begin(
      making.head,
      this.#then(making, () => this.#nextChunk(making)),
    );
  }

  onChunk({ request, number, bytes, last }: MachineMessage<"snapshot-chunk">): void {
    const making = this.#making;
    if (making?.request !== request || number !== making.chunks) return;
    making.chunks += 1;
    making.sizeBytes += bytes.length;
    making.checksum = crc32(bytes, making.checksum);
    const { snapshots } = this.#options.ports.options;
    const { id } = making.head;
    snapshots.write(
      { id, number, bytes },
      this.#then(making, () => (last ? this.#finish(making) : this.#nextChunk(making))),
    );
  }

  #begin(index: number): void {
    const { view, ports } = this.#options;
    const term = view.termAt(index);
    if (term === undefined) return;
    this.#lastRequest += 1;
    const id = `${index}-${term}-${ports.ctx.random.integer(2 ** 32).toString(36)}`;
    const head = { id, index, term, configuration: this.#configuration };
    const [entries, bytes] = [this.#entries, this.#bytes];
    this.#making = { request: this.#lastRequest, head, entries, bytes, chunks: 0, sizeBytes: 0, checksum: 0 };
    this.#entries = 0;
    this.#bytes = 0;
    ports.tell({ type: "take-snapshot", request: this.#lastRequest });
  }

  #nextChunk({ request, chunks }: Making): void {
    this.#options.ports.tell({ type: "next-chunk", request, number: chunks });
  }

  #finish(making: Making): void {
    const { head, chunks, sizeBytes, checksum } = making;
    const end = { chunks, sizeBytes, checksum };
    const { snapshots } = this.#options.ports.options;
    snapshots.finish(
      head.id,
      end,
      this.#then(making, () => {
        this.#making = null;
        this.#index = head.index;
        this.#mustReplace = false;
        this.#options.onMade({ ...head, ...end });
        this.#answer({ ok: true, index: head.index, sizeBytes });
      }),
    );
  }

  /** What goes on when the store is done, unless the snapshot was given up meanwhile. A store that does not take it ends it; it is tried again. */
  #then(making: Making, next: () => void): (error: StoreError | undefined) => void {
    return this.#options.ports.turn((error) => {
      if (error) this.#options.onRefused(error);
      if (making !== this.#making) return;
      if (error) this.giveUp(error.message);
      else next();
    });
  }

  #answer(reply: SnapshotNowReply): void {
    const { ctx } = this.#options.ports;
    for (const asked of this.#asked.splice(0)) ctx.tell(asked, reply);
  }
}
