/**
 * What the machine actor replicates: the embedder's state machine, the sessions that make retries harmless, and replicated time.
 *
 *     entry ──▶ time: sessions expire      snapshot: head │ sessions │ the machine's parts, as records in chunks
 *           └─▶ commands: session judged ──▶ machine.apply ──▶ outcome remembered ──▶ results, if the block is this node's
 *
 * Moved only by committed entries, so the same at every member; it knows no clock, no actor and nobody who waits.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import { SessionTable, type SessionTableOptions, type SessionUse } from "../sessions/session-table.ts";
import { decodeEntry, type MachineEntry } from "./machine-entry.ts";
import { digest, incomplete, MachineRestoring, snapshotRecords, type FirstReply } from "./machine-snapshot.ts";
import { RecordChunks } from "./record-stream.ts";
import type { StateMachine } from "./state-machine.ts";

/** What came of one command. */
export type CommandResult =
  | { readonly ok: true; readonly index: number; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly code: "session-expired" | "session-moved-on" };

/** What an entry did. */
export interface AppliedEntry {
  readonly entry: MachineEntry | null;
  /** One for each command of a block that was asked for; null otherwise. */
  readonly results: readonly CommandResult[] | null;
}

export class ReplicatedMachine {
  readonly #machine: StateMachine;
  readonly #sessions: SessionTable<FirstReply>;
  #applied = 0;
  #timeMs = 0;
  #restoring: MachineRestoring | null = null;

  constructor(machine: StateMachine, sessions: SessionTableOptions = {}) {
    this.#machine = machine;
    this.#sessions = new SessionTable(sessions);
  }

  /** Index of the last entry that was applied. */
  get applied(): number {
    return this.#applied;
  }

  /** Replicated time. */
  get timeMs(): number {
    return this.#timeMs;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** A digest of sessions, replicated time and index; the embedder's state is not in it. */
  get fingerprint(): string {
    return digest({ applied: this.#applied, timeMs: this.#timeMs }, this.#sessions.view());
  }

  /**
   * Applies the entry at the next index.
   * @param wants whether the results of the block of that life and number are of use here.
   */
  apply({ index, type, payload }: LogEntry, wants: (life: number, number: number) => boolean): AppliedEntry {
    if (index !== this.#applied + 1) throw new RangeError(`Cannot apply entry ${index} behind entry ${this.#applied}`);
    this.#applied = index;
    if (type !== "command") return { entry: null, results: null };
    const entry = decodeEntry(payload);
    if (entry.type === "time") {
      this.#timeMs = Math.max(this.#timeMs, entry.toMs);
      this.#sessions.expire(this.#timeMs);
      return { entry, results: null };
    }
    const results: CommandResult[] | null = wants(entry.life, entry.number) ? [] : null;
    const { commands, sessions } = entry;
    for (let position = 0; position < commands.length; position++) {
      const result = this.#carryOut(commands[position] as Uint8Array, position, sessions?.get(position));
      results?.push(result);
    }
    return { entry, results };
  }

  query(query: Uint8Array): Uint8Array {
    return this.#machine.query(query);
  }

  /** What came of a command that may have been carried out: null when it was not, or when its session cannot say. */
  recall(use: SessionUse): CommandResult | null {
    const verdict = this.#sessions.judge(use);
    return verdict.type === "repeat" ? { ok: true, ...verdict.first } : null;
  }

  /** The state as of now, in chunks of so many bytes (default 256 KiB) that are made when they are asked for. */
  snapshot(chunkBytes?: number): RecordChunks {
    const view = this.#machine.snapshot();
    const head = { applied: this.#applied, timeMs: this.#timeMs };
    return new RecordChunks(snapshotRecords(head, this.#sessions.view(), view), chunkBytes);
  }

  /** Takes a chunk of a snapshot; number 0 begins anew. @throws {StoreError} for what is no snapshot of this version. */
  restore(chunk: {
    readonly index: number;
    readonly number: number;
    readonly bytes: Uint8Array;
    readonly last: boolean;
  }): void {
    if (chunk.number === 0) this.#restoring = new MachineRestoring(this.#machine.restore());
    const restoring = this.#restoring;
    if (restoring === null) return;
    restoring.add(chunk.bytes);
    if (!chunk.last) return;
    const { applied, timeMs, sessions } = restoring.finish();
    if (applied !== chunk.index) {
      throw incomplete(`it holds the state as of ${applied}, wanted ${chunk.index}`);
    }
    this.#restoring = null;
    this.#sessions.restore(sessions);
    this.#applied = applied;
    this.#timeMs = timeMs;
  }

  #carryOut(command: Uint8Array, position: number, use: SessionUse | undefined): CommandResult {
    const at = { index: this.#applied, position, timeMs: this.#timeMs };
    if (use === undefined) return { ok: true, index: at.index, bytes: this.#machine.apply(command, at) };
    const verdict = this.#sessions.judge(use);
    switch (verdict.type) {
      case "act": {
        const first: FirstReply = { index: at.index, bytes: this.#machine.apply(command, at) };
        this.#sessions.remember(use, { index: at.index, timeMs: at.timeMs, first });
        return { ok: true, ...first };
      }
      case "repeat":
        return { ok: true, ...verdict.first };
      case "expired":
        return { ok: false, code: "session-expired" };
      case "superseded":
        return { ok: false, code: "session-moved-on" };
      default:
        return verdict satisfies never;
    }
  }
}
