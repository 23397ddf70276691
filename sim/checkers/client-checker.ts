/**
 * What clients were told must stay true: an acknowledged write is in the log where it was said to be, a linearizable read
 * sees every write that was acknowledged before it began, a proposal that is in the log twice acts once, and at the end the
 * map is what the log says.
 *
 * An answer is checked after the event that brought it, when the Raft checker has seen the commit it speaks of.
 */
import type { ClusterView, Command, Outcome, Proposal } from "../../actors/index.ts";
import type { LogEntry, PayloadCodec } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import type { CommittedLog } from "./committed-log.ts";

/** Sessions that are remembered, so that a run of months needs no more memory than one of hours: a session lives as long as a process. */
const SESSIONS_MAX = 16_384;

interface Acknowledged {
  readonly command: Command;
  readonly version: number;
}

export class ClientChecker {
  acknowledged = 0;
  refused = 0;
  unknown = 0;
  reads = 0;
  repeated = 0;
  /** Instances that a node could not start, and that went on to another. */
  givenBack = 0;
  /** Told of each version at which a user has changed a VM. */
  onChanged: (version: number) => void = () => {};
  readonly #timeline: Timeline;
  readonly #committed: CommittedLog;
  readonly #codec: PayloadCodec;
  #unchecked: Acknowledged[] = [];
  /** By VM: the write that was acknowledged last. */
  readonly #last = new Map<string, Acknowledged>();
  #newestVersion = 0;
  /** Index up to which the log was read. */
  #scanned = 0;
  /** By session: the highest sequence of its proposals that were committed. A session asks for one thing after the other. */
  readonly #newestOf = new Map<string, number>();
  /** Copies of committed proposals that no replica was seen to have applied. */
  #repeats: readonly { readonly index: number; readonly vm: string }[] = [];
  /** By VM: index of the last command of a user. */
  readonly #lastInLog = new Map<string, number>();

  constructor(timeline: Timeline, committed: CommittedLog, codec: PayloadCodec) {
    this.#timeline = timeline;
    this.#committed = committed;
    this.#codec = codec;
  }

  /** The version that a linearizable read which begins now must reach. */
  get readFloor(): number {
    return this.#newestVersion;
  }

  onOutcome(vm: string, command: Command, outcome: Outcome): void {
    if (!outcome.ok) {
      this.refused += 1;
      return;
    }
    const acknowledged = { command, version: outcome.version };
    this.acknowledged += 1;
    this.#unchecked.push(acknowledged);
    this.#last.set(vm, acknowledged);
    if (outcome.changed && command.type !== "delete-vm") this.onChanged(outcome.version);
    this.#newestVersion = Math.max(this.#newestVersion, outcome.version);
  }

  onRead(node: number, version: number, floor: number): void {
    this.reads += 1;
    if (version >= floor) return;
    this.#timeline.fail(
      "reads-are-linearizable",
      `A read at node ${node} saw version ${version}, but ${floor} was acknowledged before it began`,
    );
  }

  /** After each event, with the map of the replica that was touched by it. */
  check(view: ClusterView | undefined): void {
    this.#scan();
    if (view !== undefined && this.#repeats.length > 0) this.#checkRepeats(view);
    if (this.#unchecked.length > 0) this.#checkAcknowledged();
  }

  #checkAcknowledged(): void {
    for (const { command, version } of this.#unchecked) {
      if (version < this.#committed.firstIndex) continue;
      const entry = this.#committed.entryAt(version);
      const found = entry === undefined ? undefined : this.#commandOf(entry);
      if (found !== undefined && JSON.stringify(found) === JSON.stringify(command)) continue;
      const what = found === undefined ? "nothing" : `"${found.type}"`;
      this.#timeline.fail(
        "acknowledged-is-committed",
        `"${command.type}" was acknowledged at index ${version}, where ${what} is committed`,
      );
    }
    this.#unchecked = [];
  }

  /** Everything has settled: what was acknowledged last for a VM, and is the last in the log about it, must show. */
  checkEnd(view: ClusterView): void {
    this.#scan();
    for (const [vm, { command, version }] of this.#last) {
      if (this.#lastInLog.get(vm) !== version) continue;
      const found = view.get("Vm", vm);
      const wrong = whatIsWrong(command, found?.kind === "Vm" ? found : undefined);
      if (wrong === null) continue;
      this.#timeline.fail(
        "acknowledged-is-kept",
        `"${command.type}" of VM "${vm}" was acknowledged at ${version}, but at the end ${wrong}`,
      );
    }
  }

  /** Reads what was committed since: each proposal counts where it stands first, any later copy must do nothing. */
  #scan(): void {
    while (this.#scanned < this.#committed.lastIndex) {
      this.#scanned += 1;
      const entry = this.#committed.entryAt(this.#scanned);
      if (entry?.type !== "command") continue;
      const { session, sequence, command } = this.#codec.decode(entry.payload) as Proposal;
      if (command.type === "give-back") this.givenBack += 1;
      if (!isUsers(command)) continue;
      if (sequence <= (this.#newestOf.get(session) ?? 0)) {
        this.repeated += 1;
        this.#repeats = [...this.#repeats, { index: this.#scanned, vm: command.name }];
      } else {
        this.#note(session, sequence);
        this.#lastInLog.set(command.name, this.#scanned);
      }
    }
  }

  #note(session: string, sequence: number): void {
    // Anew, so that those used last stand last.
    this.#newestOf.delete(session);
    this.#newestOf.set(session, sequence);
    if (this.#newestOf.size <= SESSIONS_MAX) return;
    const [oldest] = this.#newestOf.keys();
    if (oldest !== undefined) this.#newestOf.delete(oldest);
  }

  #checkRepeats(view: ClusterView): void {
    for (const { index, vm } of this.#repeats) {
      if (index > view.applied || view.get("Vm", vm)?.metadata.version !== index) continue;
      this.#timeline.fail(
        "acts-at-most-once",
        `Index ${index} repeats an earlier proposal, and changed VM "${vm}" again`,
      );
    }
    this.#repeats = this.#repeats.filter(({ index }) => index > view.applied);
  }

  #commandOf(entry: LogEntry): Command | undefined {
    return entry.type !== "command" ? undefined : (this.#codec.decode(entry.payload) as Proposal).command;
  }
}

type UsersCommand = Extract<Command, { readonly type: "create-vm" | "apply-vm" | "set-running" | "delete-vm" }>;

function isUsers(command: Command): command is UsersCommand {
  return ["create-vm", "apply-vm", "set-running", "delete-vm"].includes(command.type);
}

type FoundVm = Extract<NonNullable<ReturnType<ClusterView["get"]>>, { readonly kind: "Vm" }>;

function whatIsWrong(command: Command, vm: FoundVm | undefined): string | null {
  switch (command.type) {
    case "delete-vm":
      return vm === undefined ? null : "it exists";
    case "set-running":
      if (vm === undefined) return "it does not exist";
      return vm.spec.running === command.running ? null : `its spec says running: ${vm.spec.running}`;
    case "create-vm":
    case "apply-vm": {
      if (vm === undefined) return "it does not exist";
      const wanted = JSON.stringify(command.labels);
      const found = JSON.stringify(vm.metadata.labels);
      if (wanted !== found) return `its labels are ${found} instead of ${wanted}`;
      const [spec, kept] = [JSON.stringify(command.spec), JSON.stringify(vm.spec)];
      return spec === kept ? null : `its spec is ${kept} instead of ${spec}`;
    }
    default:
      return null;
  }
}
