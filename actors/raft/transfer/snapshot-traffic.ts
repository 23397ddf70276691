/**
 * Snapshots between members, as one member sees them: a sender for each peer that it leads and that needs one, all paced by
 * one throttle, and the receiver of what its own leader sends. Carries out what those machines want; the core has admitted every
 * message before it comes here.
 */
import { crc32 } from "../../../runtime/crc32.ts";
import type { FinishedSnapshot, LoadedSnapshots, SnapshotStore } from "../../../runtime/ports/snapshot-store.ts";
import type { StoreError } from "../../../runtime/ports/store-error.ts";
import type { RaftMessage, SnapshotPart } from "../core/messages.ts";
import type { SnapshotMessage } from "../core/ready.ts";
import { SnapshotReceiver, type ReceiverAction } from "./receiver.ts";
import { SnapshotSender } from "./sender.ts";
import { Throttle } from "./throttle.ts";

export interface SnapshotTrafficOptions {
  readonly snapshots: SnapshotStore;
  readonly loaded: LoadedSnapshots;
  readonly bytesPerSecondMax: number;
  now(): number;
  term(): number;
  /**
   * The term that this member leads; null when it leads none. Asked again for each message: a member that has just heard of a later
   * term must not offer what it had under way in that term's name.
   */
  ledTerm(): number | null;
  /** Whether commits may wait for that member. */
  isVoter(member: string): boolean;
  send(member: string, message: RaftMessage): void;
  turn<Value>(then: (value: Value) => void): (value: Value) => void;
  /** Calls `pump` after so long; replaces the call before. */
  wakeAfter(delayMs: number): void;
  /** The newest snapshot of this member. */
  newest(): FinishedSnapshot | null;
  /** The newest one is damaged: another one is to be made as soon as can be, and `renewed` called. */
  unreadable(): void;
  /** Installed there as of an index, or not. */
  sent(member: string, index: number): void;
  notSent(member: string): void;
  /** This member begins to take one: nothing else may write to the store. */
  beginsToReceive(): void;
  received(snapshot: FinishedSnapshot): void;
  /** The store did not take what came. */
  refused(error: StoreError): void;
}

export class SnapshotTraffic {
  readonly #options: SnapshotTrafficOptions;
  readonly #senders = new Map<string, SnapshotSender>();
  /** Of a snapshot that cannot be read: sending it would fail again at once, and again. */
  #unreadable: string | null = null;
  /** Peers that wait for a snapshot that can be read. */
  readonly #waiting = new Set<string>();
  readonly #receiver: SnapshotReceiver;
  readonly #throttle: Throttle;

  constructor(options: SnapshotTrafficOptions) {
    this.#options = options;
    this.#receiver = new SnapshotReceiver(options.loaded);
    this.#throttle = new Throttle(options.bytesPerSecondMax);
  }

  get isReceiving(): boolean {
    return this.#receiver.isReceiving;
  }

  /** Size of the largest snapshot that is on its way to somebody; null when none is. */
  get sendingBytes(): number | null {
    const sizes = [...this.#senders.values()].map(({ snapshot }) => snapshot.sizeBytes);
    return sizes.length === 0 ? null : Math.max(...sizes);
  }

  /** The store's unfinished snapshot is this member's own now. */
  ownBegins(): void {
    this.#receiver.forgetUnfinished();
  }

  /** A peer needs what is compacted. The transfer that is under way to it goes on. */
  want(member: string): void {
    if (this.#senders.has(member)) return;
    const snapshot = this.#options.newest();
    if (snapshot === null) return this.#options.notSent(member);
    if (snapshot.id === this.#unreadable) {
      this.#waiting.add(member);
      return;
    }
    this.#senders.set(member, new SnapshotSender(snapshot, this.#options.now()));
    this.pump();
  }

  /** This member leads no more, or another term. */
  dropSenders(): void {
    this.#senders.clear();
    this.#waiting.clear();
  }

  /** There is a newer snapshot. */
  renewed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const member of waiting) this.want(member);
  }

  /** Entries up to `index` are committed here. */
  passed(index: number): void {
    this.#receiver.passed(index);
  }

  onMessage(from: string, message: SnapshotMessage): void {
    switch (message.type) {
      case "snapshot-offer":
        return this.#receive(this.#receiver.onOffer(from, message.snapshot));
      case "snapshot-part":
        return this.#receive(this.#receiver.onPart(from, message));
      case "snapshot-report":
        this.#senders.get(from)?.onReport(message, this.#options.now());
        return this.pump();
      default:
        message satisfies never;
    }
  }

  /** Lets every sender do what it can now, those to voters first, and sets the alarm for when one can do more. */
  pump(): void {
    if (this.#options.ledTerm() === null) this.dropSenders();
    let wakeMs = Infinity;
    // The throttle lets one send at a time: a voter without whom nothing is committed must not wait for learners.
    for (const areVoters of [true, false]) {
      for (const [member, sender] of this.#senders) {
        if (this.#options.isVoter(member) === areVoters) wakeMs = Math.min(wakeMs, this.#drive(member, sender));
      }
    }
    if (wakeMs < Infinity) this.#options.wakeAfter(wakeMs);
  }

  /** Returns in how many milliseconds there is more to do, unless something comes before. */
  #drive(member: string, sender: SnapshotSender): number {
    const nowMs = this.#options.now();
    const term = this.#options.ledTerm();
    if (term === null) return Infinity;
    let actions = sender.next(nowMs, this.#throttle.waitMs(nowMs) === 0);
    while (actions.length > 0) {
      for (const action of actions) {
        switch (action.type) {
          case "offer":
            this.#options.send(member, { type: "snapshot-offer", term, snapshot: sender.snapshot });
            break;
          case "read":
            this.#read(member, sender, action.number);
            break;
          case "send":
            this.#sendPart(member, { term, snapshot: sender.snapshot, ...action });
            break;
          case "done":
            this.#senders.delete(member);
            this.#options.sent(member, sender.snapshot.index);
            return Infinity;
          case "failed":
            this.#senders.delete(member);
            this.#options.notSent(member);
            return Infinity;
          default:
            action satisfies never;
        }
      }
      actions = sender.next(nowMs, this.#throttle.waitMs(nowMs) === 0);
    }
    const partMs = sender.hasPart ? this.#throttle.waitMs(nowMs) : Infinity;
    return Math.min(partMs, Math.max(0, sender.nextDeadlineMs() - nowMs));
  }

  #read(member: string, sender: SnapshotSender, number: number): void {
    const done = this.#options.turn<Uint8Array | StoreError>((chunk) => {
      if (this.#senders.get(member) !== sender) return;
      if (chunk instanceof Uint8Array) sender.onChunk(number, chunk);
      else {
        this.#senders.delete(member);
        if (sender.snapshot.id === this.#options.newest()?.id) {
          this.#unreadable = sender.snapshot.id;
          this.#waiting.add(member);
          this.#options.unreadable();
        } else {
          // A newer one will do.
          this.#options.notSent(member);
        }
      }
      this.pump();
    });
    this.#options.snapshots.read(sender.snapshot.id, number, done);
  }

  #sendPart(
    member: string,
    {
      term,
      snapshot,
      number,
      bytes,
    }: Pick<SnapshotPart, "term" | "number" | "bytes"> & Pick<SnapshotSender, "snapshot">,
  ): void {
    this.#throttle.sent(bytes.length, this.#options.now());
    const checksum = crc32(bytes);
    this.#options.send(member, { type: "snapshot-part", term, id: snapshot.id, number, bytes, checksum });
  }

  #receive(actions: readonly ReceiverAction[]): void {
    for (const action of actions) this.#carryOut(action);
  }

  #carryOut(action: ReceiverAction): void {
    const { snapshots } = this.#options;
    switch (action.type) {
      case "begin": {
        const { id, index, term, configuration } = action.snapshot;
        this.#options.beginsToReceive();
        return snapshots.begin(
          { id, index, term, configuration },
          this.#written(() => this.#receiver.onBegun(id)),
        );
      }
      case "write": {
        const { id, number, bytes } = action;
        return snapshots.write(
          { id, number, bytes },
          this.#written(() => this.#receiver.onWritten(id)),
        );
      }
      case "finish": {
        const { id, chunks, sizeBytes, checksum } = action.snapshot;
        const done = this.#options.turn<StoreError | undefined>((error) => {
          if (error !== undefined && error.code !== "store-corrupt") return this.#onError(error);
          this.#receive(this.#receiver.onFinished(id, error === undefined));
        });
        return snapshots.finish(id, { chunks, sizeBytes, checksum }, (error) => done(error));
      }
      case "report": {
        const { to, id, next, state } = action;
        return this.#options.send(to, { type: "snapshot-report", term: this.#options.term(), id, next, state });
      }
      case "received":
        return this.#options.received(action.snapshot);
      default:
        action satisfies never;
    }
  }

  #written(then: () => readonly ReceiverAction[]): (error?: StoreError) => void {
    const done = this.#options.turn<StoreError | undefined>((error) => {
      if (error === undefined) this.#receive(then());
      else this.#onError(error);
    });
    return (error) => done(error);
  }

  /** The leader offers it again, and it is begun anew. */
  #onError(error: StoreError): void {
    this.#receive(this.#receiver.giveUp());
    this.#options.refused(error);
  }
}
