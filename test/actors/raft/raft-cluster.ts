/**
 * A cluster of Raft cores on a table: nothing moves unless the test says so, not time, messages, writes or crashes.
 *
 * Checks after every step, for every test that uses it: one leader a term, no two members apply different entries at an
 * index, commit ≤ durable ≤ last, terms and commits never go back, a committed entry is on the disks of a quorum.
 */
import {
  createConfiguration,
  RaftCore,
  type Outgoing,
  type RaftInput,
  type RaftLimits,
  type RaftMessage,
  type RaftRules,
  type ReadOutcome,
  type Ready,
} from "../../../actors/index.ts";
import { createRandom, type HardState, type LogEntry } from "../../../runtime/index.ts";
import { describeEntries, describeHardState, describeMessage } from "./describe.ts";

export interface ClusterOptions {
  readonly seed?: number;
  readonly limits?: Partial<RaftLimits>;
  readonly rules?: RaftRules;
}

interface Disk {
  hardState: HardState;
  entries: readonly LogEntry[];
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
}

export interface InFlight extends Outgoing {
  readonly from: string;
}

/** Deliveries of one `deliver`; more means that the members talk in circles. */
const DELIVERIES_MAX = 10_000;

export class RaftCluster {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly trace: string[] = [];
  nowMs = 0;
  messages: InFlight[] = [];
  readonly #options: ClusterOptions;
  readonly #voters: readonly string[];
  readonly #cut = new Set<string>();
  readonly #leaderOfTerm = new Map<number, string>();
  readonly #appliedAt = new Map<number, string>();

  constructor(voters: readonly string[], options: ClusterOptions = {}) {
    this.#options = options;
    this.#voters = voters;
    this.nodes = new Map(voters.map((name) => [name, newNode(name)]));
    for (const name of voters) this.restart(name);
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
    this.core(name).step(input, this.nowMs);
    this.#settle(this.node(name));
  }

  /** Lets time pass until the node's deadline; nobody else notices. */
  timeout(name: string): void {
    this.nowMs = Math.max(this.nowMs, this.core(name).nextDeadlineMs());
    this.step(name, { type: "timeout" });
  }

  propose(name: string, ...texts: readonly string[]): ReturnType<RaftCore["propose"]> {
    const result = this.core(name).propose(
      texts.map((text) => new TextEncoder().encode(text)),
      this.nowMs,
    );
    this.#settle(this.node(name));
    return result;
  }

  loseLink(name: string, peer: string): void {
    this.step(name, { type: "link-lost", member: peer });
  }

  read(name: string, id: string): void {
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

  /** Time passes for all, timers fire, messages arrive at once. */
  run(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    this.deliver();
    for (;;) {
      const next = this.#up().toSorted((a, b) => a.core.nextDeadlineMs() - b.core.nextDeadlineMs())[0];
      if (!next || next.core.nextDeadlineMs() > untilMs) break;
      this.timeout(next.name);
      this.deliver();
    }
    this.nowMs = untilMs;
  }

  /** Members of different groups do not hear each other; who is in no group hears nobody. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#cut.clear();
    for (const from of this.#voters) {
      for (const to of this.#voters) {
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
    node.applied = [];
    node.core = new RaftCore({
      self: name,
      configuration: createConfiguration(this.#voters),
      loaded: { hardState: node.disk.hardState, entries: node.disk.entries, repairs: [] },
      random: createRandom(`${this.#options.seed ?? 1}/${name}/${node.restarts}`),
      nowMs: this.nowMs,
      ...(this.#options.limits && { limits: this.#options.limits }),
      ...(this.#options.rules && { rules: this.#options.rules }),
    });
    this.#settle(node);
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

  #arrive({ from, to, message }: InFlight): void {
    if (this.#cut.has(`${from}>${to}`) || this.node(to).core === null) return;
    this.step(to, { type: "message", from, message });
  }

  #settle(node: Node): void {
    for (;;) {
      const { core } = node;
      if (!core) return;
      const ready = core.takeReady();
      this.#record(node, core, ready);
      if (ready.write) node.write = ready.write;
      if (!node.write || node.holdsWrites) return;
      this.#finishWrite(node);
    }
  }

  #finishWrite(node: Node): void {
    if (!node.write || !node.core) return;
    const { token, write } = node.write;
    node.write = null;
    if (write.hardState) node.disk.hardState = write.hardState;
    const [first] = write.entries;
    if (first) node.disk.entries = [...node.disk.entries.slice(0, first.index - 1), ...write.entries];
    node.core.step({ type: "persisted", token }, this.nowMs);
  }

  #record(node: Node, core: RaftCore, ready: Ready): void {
    const { term, role, leader } = core.status();
    const line = `${node.name} ${role} term=${term} leader=${leader ?? "none"}`;
    if (line !== node.lastLine) this.trace.push(line);
    node.lastLine = line;
    if (ready.write) {
      const { hardState, entries } = ready.write.write;
      const parts = [hardState && describeHardState(hardState), entries.length > 0 && describeEntries(entries)];
      this.trace.push(`${node.name} write ${parts.filter(Boolean).join(" ")}`);
    }
    for (const { to, message } of ready.messages) {
      this.trace.push(`${node.name} -> ${to} ${describeMessage(message)}`);
      this.messages.push({ from: node.name, to, message });
    }
    if (ready.committed.length > 0) this.trace.push(`${node.name} apply ${describeEntries(ready.committed)}`);
    for (const read of ready.reads) {
      this.trace.push(`${node.name} read ${read.id} ${read.ok ? `index=${read.index}` : read.code}`);
    }
    for (const alarm of ready.alarms) this.trace.push(`${node.name} alarm ${alarm.type} ${alarm.peer}`);
    node.applied.push(...ready.committed);
    node.reads.push(...ready.reads);
    node.alarms.push(...ready.alarms);
    this.#check(node, core);
  }

  #check(node: Node, core: RaftCore): void {
    const { term, role, commit, durable, lastIndex } = core.status();
    if (role === "leader") {
      const other = this.#leaderOfTerm.get(term) ?? node.name;
      if (other !== node.name) throw new Error(`Election safety: "${other}" and "${node.name}" lead term ${term}`);
      this.#leaderOfTerm.set(term, node.name);
    }
    if (commit > durable || durable > lastIndex) {
      throw new Error(`"${node.name}": commit ${commit}, durable ${durable}, last ${lastIndex}`);
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
    const holders = [...this.nodes.values()].filter(
      ({ disk }) => disk.entries[entry.index - 1]?.term === entry.term,
    ).length;
    if (holders * 2 <= this.nodes.size)
      throw new Error(`${describeEntries([entry])} is applied, but on ${holders} disks`);
  }

  #up(): readonly { readonly name: string; readonly core: RaftCore }[] {
    return [...this.nodes.values()].flatMap(({ name, core }) => (core ? [{ name, core }] : []));
  }
}

function newNode(name: string): Node {
  return {
    name,
    disk: { hardState: { term: 0, vote: null, commit: 0 }, entries: [] },
    core: null,
    write: null,
    holdsWrites: false,
    applied: [],
    reads: [],
    alarms: [],
    restarts: 0,
    lastLine: "",
    termSeen: 0,
  };
}
