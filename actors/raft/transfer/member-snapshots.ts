/**
 * All about snapshots at one member, put together: what the machine is given (`handover.ts`), snapshots that are made here
 * (`snapshot-maker.ts`), and those that are taken over from a leader or sent to who needs them (`snapshot-traffic.ts`).
 *
 * The store has one unfinished snapshot at a time. One that a leader offers goes before one that is being made: it is newer than all that
 * is committed here.
 *
 * A store that takes no snapshot ends nobody: the log is on another file and holds all that snapshots would, so the member votes, leads and
 * serves on, tries again, and says so once until one is kept. What it cannot do is let its log become shorter, and what it must read and cannot,
 * a snapshot to restore from, does end it. A snapshot whose sync failed was never made: nothing of the log goes for it (fault 45).
 */
import type { FinishedSnapshot, LoadedSnapshots } from "../../../runtime/ports/snapshot-store.ts";
import type { StoreError } from "../../../runtime/ports/store-error.ts";
import { decodeConfiguration } from "../core/configuration-codec.ts";
import type { RaftMessage } from "../core/messages.ts";
import type { RaftView } from "../core/raft-core.ts";
import type { RaftInput } from "../core/raft-input.ts";
import { RAFT_RULES } from "../core/raft-rules.ts";
import type { Ready } from "../core/ready.ts";
import type { HostPorts } from "../host-ports.ts";
import type { RaftMachineMessage } from "../raft-actor-protocol.ts";
import { DEFAULT_SNAPSHOT_OPTIONS } from "../raft-actor-options.ts";
import { Handover } from "./handover.ts";
import { SnapshotMaker } from "./snapshot-maker.ts";
import { SnapshotTraffic } from "./snapshot-traffic.ts";

const TIMER = "snapshots";

/**
 * While a snapshot is on its way to somebody, so much more makes the next one due, and not before so many times its size was written: the
 * store keeps the newest and the one before, so a second one would push out what is being sent, and a slow transfer would begin anew again
 * and again. Nor would a newer one free anything, as the log is kept for the receiver meanwhile, as far as the core allows.
 */
const SENDING_PATIENCE = 8;
const SENDING_SIZES = 2;

interface MemberSnapshotsOptions {
  readonly ports: HostPorts;
  readonly view: RaftView;
  readonly found: LoadedSnapshots;
  readonly step: (input: RaftInput) => void;
  readonly send: (to: string, message: RaftMessage) => void;
}

export class MemberSnapshots {
  readonly #ports: HostPorts;
  readonly #step: MemberSnapshotsOptions["step"];
  readonly #handover: Handover;
  readonly #maker: SnapshotMaker;
  readonly #traffic: SnapshotTraffic;
  #newest: FinishedSnapshot | null;
  /** Somebody asked for the log to be dropped behind the next snapshot. */
  #mustCompact = false;
  /** It was told that none is kept. */
  #isRefused = false;

  constructor({ ports, view, found, step, send }: MemberSnapshotsOptions) {
    const { options, tell, turn, fail } = ports;
    const { snapshots } = options;
    const settings = { ...DEFAULT_SNAPSHOT_OPTIONS, ...options.snapshotting };
    this.#ports = ports;
    this.#step = step;
    this.#newest = found.newest;
    this.#handover = new Handover({ snapshots, view, tell, turn, fail });
    this.#maker = new SnapshotMaker({
      ports,
      settings,
      view,
      found: found.newest,
      onBegin: () => this.#traffic.ownBegins(),
      onMade: (snapshot) => this.#onMade(snapshot),
      onRefused: (error) => this.#onRefused(error),
    });
    this.#traffic = new SnapshotTraffic({
      snapshots,
      loaded: found,
      bytesPerSecondMax: settings.bytesPerSecondMax,
      now: () => ports.ctx.now(),
      term: () => view.status().term,
      ledTerm: () => {
        const { role, term } = view.status();
        return role === "leader" ? term : null;
      },
      isVoter: (member) => view.status().voters.includes(member),
      send,
      turn,
      wakeAfter: (delayMs) => ports.later(TIMER, delayMs, () => this.#traffic.pump()),
      newest: () => this.#newest,
      unreadable: () => {
        this.#maker.replace();
        this.#makeIfDue();
      },
      sent: (member, index) => step({ type: "snapshot-sent", member, index }),
      notSent: (member) => step({ type: "snapshot-failed", member }),
      beginsToReceive: () => this.#maker.giveUp("a newer snapshot comes from the leader"),
      received: (snapshot) => this.#onReceived(snapshot),
      refused: (error) => this.#onRefused(error),
    });
    if (found.newest !== null) this.#handover.restore(found.newest);
  }

  get newest(): FinishedSnapshot | null {
    return this.#newest;
  }

  carryOut({ install, committed, snapshotsWanted, snapshotTraffic }: Ready): void {
    if (install) {
      this.#maker.restored(install);
      this.#handover.restore(install);
    }
    if (committed.length > 0) {
      this.#handover.committed(committed);
      this.#maker.committed(committed);
      this.#traffic.passed(committed.at(-1)?.index ?? 0);
    }
    for (const member of snapshotsWanted) this.#traffic.want(member);
    for (const { from, message } of snapshotTraffic) this.#traffic.onMessage(from, message);
    this.#makeIfDue();
  }

  /** What a leader had under way is of its term. */
  onLeadership(): void {
    this.#traffic.dropSenders();
  }

  onMachine(message: RaftMachineMessage): void {
    switch (message.type) {
      case "snapshot-taken":
        return this.#maker.onTaken(message);
      case "snapshot-chunk":
        return this.#maker.onChunk(message);
      case "snapshot-now":
        if (this.#traffic.isReceiving || this.#handover.isRestoring) {
          const text = `Cannot make a snapshot at node "${this.#ports.ctx.node}": it takes over the leader's; wait until it has`;
          return this.#ports.ctx.tell(message.replyTo, { ok: false, code: "snapshot-under-way", message: text });
        }
        return this.#makeNow(message);
      default:
        message satisfies never;
    }
  }

  replay(fromIndex: number): void {
    this.#handover.replay(fromIndex, this.#newest);
  }

  stop(): void {
    this.#maker.giveUp("the store has failed");
    this.#traffic.dropSenders();
    this.#ports.ctx.cancelTimer(TIMER);
  }

  #makeIfDue(): void {
    if (this.#traffic.isReceiving || this.#handover.isRestoring) return;
    const { sendingBytes } = this.#traffic;
    const patience = sendingBytes === null ? 1 : SENDING_PATIENCE;
    this.#maker.makeIfDue(this.#handover.handed, { patience, memoryBytesMin: SENDING_SIZES * (sendingBytes ?? 0) });
  }

  #makeNow({ compact = false, replyTo }: Extract<RaftMachineMessage, { readonly type: "snapshot-now" }>): void {
    const { handed } = this.#handover;
    const newest = this.#newest;
    if (compact && newest !== null && newest.index >= handed) {
      this.#step({ type: "compact" });
      this.#ports.ctx.tell(replyTo, { ok: true, index: newest.index, sizeBytes: newest.sizeBytes });
      return;
    }
    if (compact) this.#mustCompact = true;
    this.#maker.makeNow(handed, replyTo);
  }

  #onMade(snapshot: FinishedSnapshot): void {
    this.#newest = snapshot;
    this.#tell(snapshot, "made");
    this.#step({ type: "snapshot-made", index: snapshot.index, sizeBytes: snapshot.sizeBytes });
    if (this.#mustCompact) this.#step({ type: "compact" });
    this.#mustCompact = false;
    this.#traffic.renewed();
  }

  #onReceived(snapshot: FinishedSnapshot): void {
    this.#newest = snapshot;
    this.#tell(snapshot, "received");
    this.#step({ type: "snapshot-received", snapshot, configuration: decodeConfiguration(snapshot.configuration) });
  }

  #onRefused(error: StoreError): void {
    const { options, tell, fail, ctx } = this.#ports;
    if (!(options.rules ?? RAFT_RULES).outlivesSnapshots()) return fail(error);
    if (this.#isRefused) return;
    this.#isRefused = true;
    const means = "it goes on with its log, which cannot become shorter until one is kept";
    tell({
      type: "snapshot-refused",
      error,
      message: `Node "${ctx.node}" keeps no snapshot: ${error.message}; ${means}`,
    });
  }

  #tell({ index, sizeBytes }: FinishedSnapshot, origin: "made" | "received"): void {
    this.#isRefused = false;
    this.#ports.tell({ type: "snapshot", index, sizeBytes, origin });
  }
}
