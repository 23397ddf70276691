/**
 * A cluster of Raft cores on a table: nothing moves unless the test says so, not time, messages, writes or crashes.
 *
 * Checks after every step, for every test that uses it: one leader a term, no two members apply different entries at an
 * index and none is left out, base ≤ applied ≤ commit ≤ last, terms and commits never go back, a committed entry is on the disks of a
 * quorum of its time, and no read is answered from before what was applied anywhere when it began.
 *
 * A snapshot is the list of what was applied. It goes over the network as one message, the offer, and is durable when it arrives.
 */
import type { Urgency } from "../../../actors/raft/core/admission.ts";
import { decodeConfiguration, encodeConfiguration } from "../../../actors/raft/core/configuration-codec.ts";
import {
  createConfiguration,
  EMPTY_CONFIGURATION,
  isVoter,
  type Configuration,
} from "../../../actors/raft/core/configuration.ts";
import type { RaftMessage } from "../../../actors/raft/core/messages.ts";
import type { Outgoing } from "../../../actors/raft/core/outbox.ts";
import { RaftCore } from "../../../actors/raft/core/raft-core.ts";
import type { RaftInput } from "../../../actors/raft/core/raft-input.ts";
import { quorumValue } from "../../../actors/raft/core/quorum.ts";
import type { RaftLimits, RaftPreferences } from "../../../actors/raft/core/raft-options.ts";
import type { RaftRules } from "../../../actors/raft/core/raft-rules.ts";
import type {
  ChangeMembershipResult,
  ConfigurationInForce,
  MembershipChange,
  ReadOutcome,
  Ready,
  TransferResult,
} from "../../../actors/raft/core/ready.ts";
import {
  createRandom,
  EMPTY_LOG,
  type FinishedSnapshot,
  type HardState,
  type LogEntry,
  type LogPosition,
  type LogWrite,
} from "../../../runtime/index.ts";
import { describeConfiguration, describeEntries, describeHardState, describeMessage } from "./describe.ts";

export interface ClusterOptions {
  readonly seed?: number;
  readonly limits?: Partial<RaftLimits>;
  readonly rules?: RaftRules;
  /** Nodes that are there and belong to no cluster yet. */
  readonly spares?: readonly string[];
  /** How fast a node's clock runs. Default 1. */
  readonly clockRate?: (name: string) => number;
  readonly preferences?: (name: string) => Partial<RaftPreferences>;
}

interface Disk {
  hardState: HardState;
  base: LogPosition;
  /** What comes after `base`. */
  entries: readonly LogEntry[];
  snapshot: FinishedSnapshot | null;
  /** First index that cannot be read. */
  damagedFrom: number | null;
}

export interface Node {
  readonly name: string;
  readonly disk: Disk;
  /** Null when crashed. */
  core: RaftCore | null;
  /** The write that was asked for and is not yet done. */
  write: NonNullable<Ready["write"]> | null;
  holdsWrites: boolean;
  applied: LogEntry[];
  reads: ReadOutcome[];
  alarms: Ready["alarms"][number][];
  restarts: number;
  lastLine: string;
  termSeen: number;
  /** In this life. */
  commitSeen: number;
}

export interface InFlight extends Outgoing {
  readonly from: string;
}

/** Deliveries of one `deliver`; more means that the members talk in circles. */
const DELIVERIES_MAX = 10_000;

/** Added where a deadline on one clock is told on another, so that it has passed there, too. */
const ROUNDING_MS = 1e-6;

export class RaftCluster {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly trace: string[] = [];
  nowMs = 0;
  /** Snapshots that a machine has taken from a leader. */
  installs = 0;
  messages: InFlight[] = [];
  readonly #options: ClusterOptions;
  readonly #birth: Configuration;
  /** All that any node has been in, by the index of its entry. */
  readonly #configurations: ConfigurationInForce[];
  readonly #cut = new Set<string>();
  readonly #leaderOfTerm = new Map<number, string>();
  readonly #appliedAt = new Map<number, string>();
  /** What was applied anywhere when a read began, by node and id. */
  readonly #readsBegan = new Map<string, number>();
  /** By id of the snapshot: what its machine had applied. */
  readonly #states = new Map<string, readonly LogEntry[]>();

  constructor(voters: readonly string[], options: ClusterOptions = {}) {
    this.#options = options;
    this.#birth = voters.length === 0 ? EMPTY_CONFIGURATION : createConfiguration(voters);
    this.#configurations = [{ configuration: this.#birth, index: 0, committed: true }];
    this.nodes = new Map([...voters, ...(options.spares ?? [])].map((name) => [name, newNode(name)]));
    for (const name of this.nodes.keys()) this.restart(name);
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`There is no node "${name}"`);
    return node;
  }

  core(name: string): RaftCore {
    const { core } = this.node(name);
    if (!core) throw new Error(`Node "${name}" is down`);
    return core;
  }

  step(name: string, input: RaftInput): void {
    this.core(name).step(input, this.#clock(name));
    this.#settle(this.node(name));
  }

  /** Lets time pass until the node's deadline; nobody else notices. */
  timeout(name: string): void {
    const deadlineMs = this.#deadlineMs(name);
    // Who belongs to no cluster waits for nothing.
    if (deadlineMs !== Infinity) this.nowMs = Math.max(this.nowMs, deadlineMs);
    this.step(name, { type: "timeout" });
  }

  propose(name: string, ...texts: readonly string[]): ReturnType<RaftCore["propose"]> {
    return this.proposeAs("ordinary", name, ...texts);
  }

  proposeAs(urgency: Urgency, name: string, ...texts: readonly string[]): ReturnType<RaftCore["propose"]> {
    const result = this.core(name).propose(
      texts.map((text) => new TextEncoder().encode(text)),
      this.#clock(name),
      urgency,
    );
    this.#settle(this.node(name));
    return result;
  }

  /** One change, or several that count together; `explicit`: the joint configuration stays until `leaveJoint`. */
  change(name: string, changes: readonly MembershipChange[], explicit = false): ChangeMembershipResult {
    const result = this.core(name).changeMembers(changes, { autoLeave: !explicit }, this.#clock(name));
    this.#settle(this.node(name));
    return result;
  }

  leaveJoint(name: string): ChangeMembershipResult {
    const result = this.core(name).leaveJoint(this.#clock(name));
    this.#settle(this.node(name));
    return result;
  }

  transfer(name: string, to: string | null, force = false): TransferResult {
    const result = this.core(name).transferLeadership(to, force, this.#clock(name));
    this.#settle(this.node(name));
    return result;
  }

  loseLink(name: string, peer: string): void {
    this.step(name, { type: "link-lost", member: peer });
  }

  read(name: string, id: string): void {
    this.#readsBegan.set(`${name} ${id}`, Math.max(0, ...this.#appliedAt.keys()));
    this.step(name, { type: "read", id });
  }

  /** The write in flight is on disk, and so is each that follows until writes are held again. */
  persist(name: string): void {
    const node = this.node(name);
    this.#finishWrite(node);
    this.#settle(node);
  }

  /** Delivers what `wanted` says, and what follows from it, in the order of sending. */
  deliver(wanted: (message: InFlight) => boolean = () => true): void {
    for (let count = 0; ; count++) {
      const at = this.messages.findIndex(wanted);
      if (at < 0) return;
      if (count > DELIVERIES_MAX) throw new Error(`More than ${DELIVERIES_MAX} messages without an end`);
      const [message] = this.messages.splice(at, 1);
      if (message) this.#arrive(message);
    }
  }

  drop(wanted: (message: InFlight) => boolean): readonly InFlight[] {
    const dropped = this.messages.filter(wanted);
    this.messages = this.messages.filter((message) => !wanted(message));
    return dropped;
  }

  /** The oldest of them comes last. */
  delay(wanted: (message: InFlight) => boolean): void {
    const first = this.messages.find(wanted);
    if (first) this.messages = [...this.messages.filter((message) => message !== first), first];
  }

  /** Time passes for all, timers fire, messages arrive at once. */
  run(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    this.deliver();
    for (;;) {
      const next = this.#up().toSorted((a, b) => this.#deadlineMs(a.name) - this.#deadlineMs(b.name))[0];
      if (!next || this.#deadlineMs(next.name) > untilMs) break;
      this.timeout(next.name);
      this.deliver();
    }
    this.nowMs = untilMs;
  }

  /** Members of different groups do not hear each other; who is in no group hears nobody. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#cut.clear();
    for (const from of this.nodes.keys()) {
      for (const to of this.nodes.keys()) {
        if (from !== to && !groups.some((group) => group.includes(from) && group.includes(to))) this.cut(from, to);
      }
    }
  }

  /** One way only. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** What was not on disk is gone. */
  crash(name: string): void {
    const node = this.node(name);
    node.core = null;
    node.write = null;
  }

  restart(name: string): void {
    const node = this.node(name);
    node.restarts += 1;
    node.commitSeen = 0;
    const { snapshot, damagedFrom } = node.disk;
    node.applied = [...(this.#states.get(snapshot?.id ?? "") ?? [])];
    node.core = new RaftCore({
      self: name,
      configuration: snapshot ? decodeConfiguration(snapshot.configuration) : this.#birthOf(name),
      loaded: {
        ...EMPTY_LOG,
        hardState: node.disk.hardState,
        base: node.disk.base,
        entries: node.disk.entries.filter(({ index }) => index < (damagedFrom ?? Infinity)),
        damage: damagedFrom === null ? null : { fromIndex: damagedFrom, message: "rotten" },
      },
      ...(snapshot && { snapshot: { index: snapshot.index, term: snapshot.term } }),
      random: createRandom(`${this.#options.seed ?? 1}/${name}/${node.restarts}`),
      nowMs: this.#clock(name),
      ...(this.#options.limits && { limits: this.#options.limits }),
      ...(this.#options.rules && { rules: this.#options.rules }),
      ...(this.#options.preferences && { preferences: this.#options.preferences(name) }),
    });
    this.#settle(node);
  }

  /** Crashes, and what its disk holds from `fromIndex` on cannot be read any more. */
  damage(name: string, fromIndex: number): void {
    this.crash(name);
    this.node(name).disk.damagedFrom = fromIndex;
  }

  /** Restarts with a log of these terms on disk, in `term`. */
  restartWith(name: string, terms: readonly number[], term: number = terms.at(-1) ?? 0): void {
    this.crash(name);
    const { disk } = this.node(name);
    disk.hardState = { term, vote: null, commit: 0 };
    disk.entries = terms.map((of, at) => ({ index: at + 1, term: of, type: "command", payload: new Uint8Array(0) }));
    this.node(name).termSeen = 0;
    this.restart(name);
  }

  appliedTexts(name: string): readonly string[] {
    return this.node(name)
      .applied.filter((entry) => entry.type === "command")
      .map((entry) => new TextDecoder().decode(entry.payload));
  }

  leader(): string | undefined {
    return this.#up()
      .filter(({ core }) => core.status().role === "leader")
      .toSorted((a, b) => b.core.status().term - a.core.status().term)[0]?.name;
  }

  /** A message out of nowhere, as if `from` had sent it. */
  inject(from: string, to: string, message: RaftMessage): void {
    this.step(to, { type: "message", from, message });
  }

  /** The machine writes its state down; what it covers may be compacted. */
  snapshot(name: string): void {
    const node = this.node(name);
    const last = node.applied.at(-1);
    if (!last || last.index <= (node.disk.snapshot?.index ?? 0)) return;
    const id = `${last.index}-${last.term}-${name}`;
    const held = node.applied.findLast(({ type }) => type === "configuration");
    const configuration = held?.payload ?? encodeConfiguration(this.#birth);
    const none = { configuration, chunks: 1, sizeBytes: 0, checksum: 0 };
    node.disk.snapshot = { id, index: last.index, term: last.term, ...none };
    this.#states.set(id, [...node.applied]);
    this.step(name, { type: "snapshot-made", index: last.index });
  }

  /** What a node's clock shows. */
  #clock(name: string): number {
    return this.nowMs * (this.#options.clockRate?.(name) ?? 1);
  }

  /** When a node's next deadline has passed, on the clock of nobody. */
  #deadlineMs(name: string): number {
    const deadlineMs = this.core(name).nextDeadlineMs();
    const rate = this.#options.clockRate?.(name) ?? 1;
    return rate === 1 ? deadlineMs : deadlineMs / rate + ROUNDING_MS;
  }

  #arrive({ from, to, message }: InFlight): void {
    if (this.#cut.has(`${from}>${to}`) || this.node(to).core === null) return;
    this.step(to, { type: "message", from, message });
  }

  #settle(node: Node): void {
    for (;;) {
      const { core } = node;
      if (!core) return;
      const ready = core.takeReady(this.#clock(node.name));
      this.#record(node, core, ready);
      if (ready.compact) compact(node.disk, ready.compact);
      if (ready.write) node.write = ready.write;
      if (this.#carrySnapshots(node, core, ready)) continue;
      if (!node.write || node.holdsWrites) return;
      this.#finishWrite(node);
    }
  }

  /** True when the core has been stepped. */
  #carrySnapshots(node: Node, core: RaftCore, { snapshotsWanted, snapshotTraffic }: Ready): boolean {
    for (const to of snapshotsWanted) {
      const { snapshot } = node.disk;
      if (!snapshot) throw new Error(`"${node.name}" wants a snapshot for "${to}" and has none`);
      this.trace.push(`${node.name} snapshot ${snapshot.index} for ${to}`);
      const { term } = core.status();
      this.messages.push({ from: node.name, to, message: { type: "snapshot-offer", term, snapshot } });
    }
    for (const { from, message } of snapshotTraffic) {
      if (message.type === "snapshot-offer") {
        const { snapshot } = message;
        if (snapshot.index > (node.disk.snapshot?.index ?? 0)) node.disk.snapshot = snapshot;
        const configuration = decodeConfiguration(snapshot.configuration);
        core.step({ type: "snapshot-received", snapshot, configuration }, this.#clock(node.name));
      } else if (message.type === "snapshot-report") {
        const index = Number(message.id.split("-")[0]);
        core.step({ type: "snapshot-sent", member: from, index }, this.#clock(node.name));
      }
    }
    return snapshotTraffic.length > 0;
  }

  #finishWrite(node: Node): void {
    if (!node.write || !node.core) return;
    const { token, write } = node.write;
    node.write = null;
    store(node.disk, write);
    node.core.step({ type: "persisted", token }, this.#clock(node.name));
  }

  #record(node: Node, core: RaftCore, ready: Ready): void {
    const { term, role, leader } = core.status();
    const line = `${node.name} ${role} term=${term} leader=${leader ?? "none"}`;
    if (line !== node.lastLine) this.trace.push(line);
    node.lastLine = line;
    if (ready.write) {
      const { hardState, reset, entries } = ready.write.write;
      const parts = [
        reset && `reset=${reset.index}/${reset.term}`,
        hardState && describeHardState(hardState),
        entries.length > 0 && describeEntries(entries),
      ];
      this.trace.push(`${node.name} write ${parts.filter(Boolean).join(" ")}`);
    }
    for (const { to, message } of ready.messages) {
      this.trace.push(`${node.name} -> ${to} ${describeMessage(message)}`);
      this.messages.push({ from: node.name, to, message });
    }
    if (ready.install) {
      this.installs += 1;
      this.trace.push(`${node.name} install ${ready.install.index}`);
      node.applied = [...(this.#states.get(ready.install.id) ?? [])];
    }
    if (ready.configuration) this.#recordConfiguration(node, ready.configuration);
    if (ready.compact) this.trace.push(`${node.name} compact ${ready.compact.index}`);
    if (ready.committed.length > 0) this.trace.push(`${node.name} apply ${describeEntries(ready.committed)}`);
    for (const read of ready.reads) {
      const applied = this.#readsBegan.get(`${node.name} ${read.id}`) ?? 0;
      if (read.ok && read.index < applied)
        throw new Error(`"${node.name}" reads at ${read.index} what is at ${applied}`);
      this.trace.push(`${node.name} read ${read.id} ${read.ok ? `index=${read.index}` : read.code}`);
    }
    for (const alarm of ready.alarms) this.trace.push(`${node.name} alarm ${alarm.type} ${alarm.peer}`);
    node.applied.push(...ready.committed);
    node.reads.push(...ready.reads);
    node.alarms.push(...ready.alarms);
    this.#check(node, core);
  }

  #recordConfiguration(node: Node, { configuration, index, committed }: ConfigurationInForce): void {
    if (index === 0) return;
    this.#configurations.push({ configuration, index, committed });
    const text = describeConfiguration(configuration);
    this.trace.push(`${node.name} members ${text} index=${index}${committed ? " committed" : ""}`);
  }

  /** A spare node knows of nobody. */
  #birthOf(name: string): Configuration {
    return this.#options.spares?.includes(name) ? EMPTY_CONFIGURATION : this.#birth;
  }

  #check(node: Node, core: RaftCore): void {
    const { term, role, base, applied, commit, durable, lastIndex, configuration } = core.status();
    if (role === "leader") {
      const other = this.#leaderOfTerm.get(term) ?? node.name;
      if (other !== node.name) throw new Error(`Election safety: "${other}" and "${node.name}" lead term ${term}`);
      this.#leaderOfTerm.set(term, node.name);
    }
    // A leader that is no voter commits what the voters have, and is none any more when it has committed that it is none.
    const mayLead = role === "leader" || !isVoter(configuration.configuration, node.name);
    const isLate = !mayLead && commit > durable && node.commitSeen < commit;
    if (base > applied || applied > commit || commit > lastIndex || durable > lastIndex || isLate) {
      const marks = `base ${base}, applied ${applied}, commit ${commit}, durable ${durable}, last ${lastIndex}`;
      throw new Error(`"${node.name}": ${marks}`);
    }
    if (commit < node.commitSeen) throw new Error(`"${node.name}": commit went from ${node.commitSeen} to ${commit}`);
    node.commitSeen = commit;
    if (node.applied.some((entry, at) => at > node.applied.length - 100 && entry.index !== at + 1)) {
      throw new Error(`"${node.name}" leaves out an index: ${describeEntries(node.applied.slice(-100))}`);
    }
    if (term < node.termSeen) throw new Error(`"${node.name}": term went from ${node.termSeen} to ${term}`);
    node.termSeen = node.disk.hardState.term;
    for (const entry of node.applied.slice(-100)) {
      const text = describeEntries([entry]);
      const other = this.#appliedAt.get(entry.index) ?? text;
      if (other !== text) throw new Error(`State-machine safety: "${node.name}" applies ${text}, another ${other}`);
      if (!this.#appliedAt.has(entry.index)) this.#checkOnQuorum(entry);
      this.#appliedAt.set(entry.index, text);
    }
  }

  #checkOnQuorum(entry: LogEntry): void {
    const holds = (name: string): boolean => {
      const disk = this.nodes.get(name)?.disk;
      if (!disk) return false;
      const isHere = disk.entries[entry.index - 1 - disk.base.index]?.term === entry.term;
      return isHere || entry.index <= Math.max(disk.base.index, disk.snapshot?.index ?? 0);
    };
    // It was committed in the last configuration that was committed by then, or in a later one; all that there were have been seen.
    const before = this.#configurations.filter(({ index, committed }) => committed && index <= entry.index);
    const inForceSince = Math.max(...before.map(({ index }) => index));
    const quorums = this.#configurations.filter(({ index }) => index >= inForceSince);
    if (quorums.some(({ configuration }) => quorumValue(configuration, (name) => (holds(name) ? 1 : 0)) === 1)) return;
    const holders = [...this.nodes.keys()].filter(holds);
    throw new Error(`${describeEntries([entry])} is applied, but on ${holders.length} disks`);
  }

  #up(): readonly { readonly name: string; readonly core: RaftCore }[] {
    return [...this.nodes.values()].flatMap(({ name, core }) => (core ? [{ name, core }] : []));
  }
}

function newNode(name: string): Node {
  return {
    name,
    disk: { hardState: EMPTY_LOG.hardState, base: EMPTY_LOG.base, entries: [], snapshot: null, damagedFrom: null },
    core: null,
    write: null,
    holdsWrites: false,
    applied: [],
    reads: [],
    alarms: [],
    restarts: 0,
    lastLine: "",
    termSeen: 0,
    commitSeen: 0,
  };
}

function store(disk: Disk, { hardState, reset, entries }: LogWrite): void {
  if (hardState) disk.hardState = hardState;
  if (reset) {
    disk.base = reset;
    disk.entries = [];
  }
  const [first] = entries;
  const from = reset?.index ?? first?.index ?? Infinity;
  if (disk.damagedFrom !== null && from <= disk.damagedFrom) disk.damagedFrom = null;
  if (first) disk.entries = [...disk.entries.slice(0, first.index - 1 - disk.base.index), ...entries];
}

function compact(disk: Disk, through: LogPosition): void {
  if (through.index <= disk.base.index) return;
  disk.entries = disk.entries.slice(through.index - disk.base.index);
  disk.base = through;
}
