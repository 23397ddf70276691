/** Machine actors on real Raft actors: any node takes a command, snapshots carry the machine and its sessions to whoever lacks them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  MACHINE_SPAWN_OPTIONS,
  machineActor,
  RAFT_SPAWN_OPTIONS,
  raftActor,
  type MachineCommand,
  type MachineMessage,
  type MachineReplies,
  type MachineReply,
  type QueryBatch,
  type RaftActorMessage,
  type RaftEvent,
  type RaftPreferences,
} from "../../../../actors/index.ts";
import { stateless, type ActorSystem, type Ref } from "../../../../runtime/index.ts";
import {
  createManualCluster,
  createMemoryLog,
  createMemorySnapshots,
  type ManualCluster,
  type MemoryLog,
  type MemorySnapshots,
} from "../../../../runtime/testkit/index.ts";
import { ascii, Lists, textOf } from "./sample-machine.ts";

const NAMES = ["n1", "n2", "n3"] as const;
type Name = (typeof NAMES)[number];

class Machines {
  readonly network: ManualCluster;
  readonly lists = new Map<string, Lists>();
  readonly leads = new Set<string>();
  readonly events: (RaftEvent & { readonly node: string })[] = [];
  readonly crashes: string[] = [];
  readonly #preferences: Partial<RaftPreferences>;
  readonly #disks = new Map<string, { readonly log: MemoryLog; readonly snapshots: MemorySnapshots }>();
  #spawned = 0;

  constructor(preferences: Partial<RaftPreferences> = {}) {
    this.#preferences = preferences;
    this.network = createManualCluster(NAMES, {
      delayMs: 1,
      system: () => ({ onCrash: ({ ref, error }) => void this.crashes.push(`${ref.toString()}: ${String(error)}`) }),
    });
    for (const name of NAMES) this.#start(this.network.system(name));
  }

  /** Lets time pass until a node leads. */
  leader(): Name {
    this.until("a node leads", () => this.leads.size === 1);
    return NAMES.find((name) => this.leads.has(name)) as Name;
  }

  until(what: string, holds: () => boolean): void {
    if (!this.network.world.advanceUntil(holds, 20_000)) {
      throw new Error(`Not within 20 s: ${what}; crashes: ${this.crashes.join("; ")}`);
    }
  }

  execute(at: Name, commands: readonly Omit<MachineCommand, "id">[], timeoutMs = 5000): MachineReply[] {
    const { replies, replyTo } = this.#collect(at);
    const made = commands.map((command, id) => ({ ...command, id }));
    this.#tell(at, { type: "execute", commands: made, timeoutMs, elsewhere: "forward", replyTo });
    return replies;
  }

  query(at: Name, key: string, consistency: QueryBatch["consistency"] = "linearizable"): MachineReply[] {
    const { replies, replyTo } = this.#collect(at);
    const queries = [{ id: 0, bytes: ascii(key) }];
    this.#tell(at, { type: "query", queries, consistency, timeoutMs: 5000, replyTo });
    return replies;
  }

  crash(node: Name): void {
    this.network.crash(node);
    this.leads.delete(node);
    this.lists.delete(node);
  }

  restart(node: Name): void {
    this.#start(this.network.restart(node));
  }

  #tell(at: Name, message: MachineMessage): void {
    const system = this.network.system(at);
    system.tell(system.refAt<MachineMessage>({ node: at, path: "machine" }), message);
  }

  #collect(at: Name): { readonly replies: MachineReply[]; readonly replyTo: Ref<MachineReplies> } {
    const replies: MachineReply[] = [];
    const collector = stateless<MachineReplies>("collector", (message) => void replies.push(...message.replies));
    return { replies, replyTo: this.network.system(at).spawn(collector, { name: `collector-${++this.#spawned}` }) };
  }

  #start(system: ActorSystem): void {
    const { node } = system;
    const later = (run: () => void): void => void this.network.world.clock.setTimer(0, run);
    const disk = this.#disks.get(node) ?? {
      log: createMemoryLog({ later }),
      snapshots: createMemorySnapshots({ later }),
    };
    this.#disks.set(node, disk);
    const lists = new Lists();
    this.lists.set(node, lists);
    const raft = system.refAt<RaftActorMessage>({ node, path: "raft" });
    const behavior = machineActor({
      raft,
      machine: lists,
      onEvent: (event) => void this.events.push({ ...event, node }),
      onLeadership: ({ isLeader }) => void (isLeader ? this.leads.add(node) : this.leads.delete(node)),
    });
    const machine = system.spawn(behavior, MACHINE_SPAWN_OPTIONS);
    const options = {
      voters: NAMES,
      store: disk.log.open(),
      snapshots: disk.snapshots.open(),
      subscriber: machine,
      preferences: this.#preferences,
      snapshotting: { everyEntries: 20 },
      limits: { trailingEntries: 5 },
    };
    system.spawn(raftActor(options), RAFT_SPAWN_OPTIONS);
  }
}

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(() => {
  machines.network.close();
  expect(machines.crashes).toEqual([]);
});

const put = (key: string, value: string): Omit<MachineCommand, "id"> => ({ bytes: ascii(`${key}=${value}`) });

function others(name: Name): readonly [Name, Name] {
  return NAMES.filter((other) => other !== name) as [Name, Name];
}

/** One write an entry, so that snapshots fall due. */
function writeMany(at: Name, count: number, key = "k"): void {
  for (let i = 0; i < count; i++) {
    const replies = machines.execute(at, [put(key, String(i))]);
    machines.until("it is written", () => replies.length > 0);
    expect(replies).toMatchObject([{ ok: true }]);
  }
}

test("execute at any node takes effect at all of them, and a linearizable query at any node sees it", () => {
  machines.leader();
  const replies = NAMES.map((at) => machines.execute(at, [put("k", at), put(at, "1")]));
  machines.until("all are answered", () => replies.flat().length === 6);
  expect(replies.flat().every(({ ok }) => ok)).toBe(true);
  const reads = NAMES.map((at) => machines.query(at, "k"));
  machines.until("all are read", () => reads.flat().length === 3);
  const texts = reads.map(([reply]) => (reply?.ok === true ? textOf(reply.bytes) : ""));
  expect(texts[0]?.split(",").toSorted()).toEqual([...NAMES]);
  expect(new Set(texts).size).toBe(1);
});

test("a write of a session is made again after its leader died, through another node, and acted once", () => {
  const leader = machines.leader();
  const [one, other] = others(leader);
  const session = { session: "client", sequence: 1, after: 0 };
  const first = machines.execute(one, [{ ...put("k", "once"), session }]);
  machines.until("it is written", () => first.length > 0);
  machines.crash(leader);
  const again = machines.execute(other, [{ ...put("k", "once"), session }], 10_000);
  machines.until("it is answered again", () => again.length > 0);
  expect(again).toEqual(first);
  machines.restart(leader);
  const read = machines.query(leader, "k");
  machines.until("the one that came back has it", () => read.length > 0);
  expect(read.map((reply) => reply.ok && textOf(reply.bytes))).toEqual(["once"]);
});

test("a node that was away while the log was compacted gets a snapshot, with the sessions in it", () => {
  const leader = machines.leader();
  const [away, other] = others(leader);
  const session = { session: "client", sequence: 1, after: 0 };
  const first = machines.execute(other, [{ ...put("s", "once"), session }]);
  machines.until("it is written", () => first.length > 0);
  machines.crash(away);
  writeMany(leader, 60);
  expect(machines.events).toContainEqual(expect.objectContaining({ type: "snapshot", origin: "made", node: leader }));
  machines.restart(away);
  machines.until("it has caught up", () => machines.lists.get(away)?.lists.get("k")?.length === 60);
  expect(machines.events).toContainEqual(expect.objectContaining({ type: "snapshot", origin: "received", node: away }));
  const again = machines.execute(away, [{ ...put("s", "once"), session }]);
  machines.until("it is answered again", () => again.length > 0);
  expect(again).toEqual(first);
});

test("nodes that all restart begin with their snapshots and the rest of their logs", () => {
  const leader = machines.leader();
  writeMany(leader, 50);
  for (const name of NAMES) machines.crash(name);
  for (const name of NAMES) machines.restart(name);
  const next = machines.leader();
  const read = machines.query(next, "k");
  machines.until("it is read", () => read.length > 0);
  const expected = Array.from({ length: 50 }, (_, i) => String(i)).join(",");
  expect(read.map((reply) => reply.ok && textOf(reply.bytes))).toEqual([expected]);
  // Most of it came by a snapshot, not entry by entry.
  expect(machines.lists.get(next)?.applied.length).toBeLessThan(40);
});

test("under a lease the leader answers queries by itself, and no longer when the lease is over", () => {
  machines.network.close();
  machines = new Machines({ leaseReads: true });
  const leader = machines.leader();
  const first = machines.execute(leader, [{ bytes: ascii("list=a") }]);
  machines.until("the first command is answered", () => first.length === 1);
  machines.network.world.advance(300);
  for (const name of others(leader)) machines.network.cut(leader, name);
  const leased = machines.query(leader, "list");
  machines.network.world.settle();
  expect(leased.map((reply) => reply.ok && textOf(reply.bytes))).toEqual(["a"]);
  machines.until("another node leads", () => others(leader).some((name) => machines.leads.has(name)));
  const next = others(leader).find((name) => machines.leads.has(name)) as Name;
  const second = machines.execute(next, [{ bytes: ascii("list=b") }]);
  machines.until("the second command is answered", () => second.length === 1);
  const tooLate = machines.query(leader, "list");
  const stale = machines.query(leader, "list", "stale");
  machines.until("the query has failed", () => tooLate.length === 1);
  expect(tooLate[0]).toMatchObject({ ok: false, code: "unavailable" });
  expect(stale.map((reply) => reply.ok && textOf(reply.bytes))).toEqual(["a"]);
  const fresh = machines.query(next, "list");
  machines.until("the query is answered", () => fresh.length === 1);
  expect(fresh.map((reply) => reply.ok && textOf(reply.bytes))).toEqual(["a,b"]);
});

test("without leases a leader that is cut off answers no query but a stale one", () => {
  const leader = machines.leader();
  for (const name of others(leader)) machines.network.cut(leader, name);
  const asked = machines.query(leader, "list");
  const stale = machines.query(leader, "list", "stale");
  machines.network.world.settle();
  expect([asked.length, stale.length]).toEqual([0, 1]);
});
