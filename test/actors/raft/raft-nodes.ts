/** Nodes with a Raft actor each, in a manual cluster, on disks that outlive their processes; their machine is a list of texts. */
import { expect } from "vitest";
import {
  RAFT_SPAWN_OPTIONS,
  raftActor,
  type RaftActorMessage,
  type RaftActorStatus,
  type RaftEvent,
  type RaftView,
} from "../../../actors/index.ts";
import type { RaftActorOptions } from "../../../actors/raft/raft-actor-options.ts";
import type { RaftMachineMessage } from "../../../actors/raft/raft-actor-protocol.ts";
import { jsonCodec, stateless, type Behavior, type Ref } from "../../../runtime/index.ts";
import {
  createManualCluster,
  createMemoryLog,
  createMemorySnapshots,
  type ManualCluster,
  type ManualClusterOptions,
  type MemoryLog,
  type MemorySnapshots,
} from "../../../runtime/testkit/index.ts";

/** Texts in one chunk of a snapshot. */
const TEXTS_PER_CHUNK = 3;

type Options = Partial<Omit<RaftActorOptions, "store" | "snapshots" | "subscriber">>;

export class RaftNode {
  readonly name: string;
  log: MemoryLog;
  snapshots: MemorySnapshots;
  events: RaftEvent[] = [];
  /** What the machine holds, and as of which index. */
  texts: string[] = [];
  applied = 0;
  raft: Ref<RaftActorMessage> | null = null;
  view: RaftView | null = null;
  /** Whether the machine answers what it is asked about snapshots. */
  answers = true;

  constructor(name: string, later: (run: () => void) => void) {
    this.name = name;
    this.log = createMemoryLog({ later });
    this.snapshots = createMemorySnapshots({ later });
  }

  get membership(): string | undefined {
    const event = this.last("membership");
    return event?.membership;
  }

  last<Type extends RaftEvent["type"]>(type: Type): Extract<RaftEvent, { readonly type: Type }> | undefined {
    return this.events.findLast((event) => event.type === type) as
      | Extract<RaftEvent, { readonly type: Type }>
      | undefined;
  }

  /** The machine. */
  subscriber(raft: Ref<RaftActorMessage>): Behavior<null, RaftEvent> {
    let restored: string[] = [];
    const views = new Map<number, readonly string[]>();
    return stateless<RaftEvent>("machine", (event, ctx) => {
      this.events.push(event);
      const answer = (message: RaftMachineMessage): void => {
        if (this.answers) ctx.tell(raft, message);
      };
      switch (event.type) {
        case "committed":
          for (const { index, type, payload } of event.entries) {
            if (index <= this.applied) continue;
            expect(index).toBe(this.applied + 1);
            this.applied = index;
            if (type === "command") this.texts.push(String(jsonCodec.decode(payload)));
          }
          return;
        case "take-snapshot":
          views.set(event.request, [...this.texts]);
          return answer({ type: "snapshot-taken", request: event.request, index: this.applied });
        case "next-chunk": {
          const { request, number } = event;
          const view = views.get(request) ?? [];
          const from = number * TEXTS_PER_CHUNK;
          const bytes = jsonCodec.encode(view.slice(from, from + TEXTS_PER_CHUNK));
          const last = from + TEXTS_PER_CHUNK >= view.length;
          return answer({ type: "snapshot-chunk", request, number, bytes, last });
        }
        case "restore":
          if (event.number === 0) restored = [];
          restored.push(...(jsonCodec.decode(event.bytes) as string[]));
          if (!event.last) return;
          this.texts = restored;
          this.applied = event.index;
          return;
        default:
      }
    });
  }
}

export class RaftNodes {
  readonly network: ManualCluster;
  readonly nodes: Map<string, RaftNode> = new Map();
  readonly crashes: unknown[] = [];
  readonly #options: Options;
  #spawned = 0;

  /** Starts those of `names` that `starts` names, all by default. */
  constructor(
    names: readonly string[],
    options: Options & { readonly starts?: readonly string[] } = {},
    network: ManualClusterOptions = {},
  ) {
    const { starts, ...rest } = options;
    this.#options = { voters: names, ...rest };
    this.network = createManualCluster(names, {
      delayMs: 1,
      system: () => ({ onCrash: ({ error }) => void this.crashes.push(error) }),
      ...network,
    });
    const later = (run: () => void): void => void this.network.world.clock.setTimer(1, run);
    for (const name of names) this.nodes.set(name, new RaftNode(name, later));
    for (const name of starts ?? names) this.start(name);
  }

  node(name: string): RaftNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`There is no node ${name}`);
    return node;
  }

  /** Spawns the Raft actor of a node on what is on its disk. */
  start(name: string, options: Options = {}): RaftNode {
    const node = this.node(name);
    const system = this.network.system(name);
    node.events = [];
    node.texts = [];
    node.applied = 0;
    node.view = null;
    const raft = system.refAt<RaftActorMessage>({ node: name, path: "raft" });
    const subscriber = system.spawn(node.subscriber(raft), { name: "machine" });
    const behavior = raftActor({
      voters: [],
      ...this.#options,
      ...options,
      store: node.log.open(),
      snapshots: node.snapshots.open(),
      subscriber,
      onStart: (view) => (node.view = view),
    });
    node.raft = system.spawn(behavior, RAFT_SPAWN_OPTIONS);
    this.network.world.settle();
    return node;
  }

  crash(name: string): void {
    this.network.crash(name);
    this.node(name).raft = null;
  }

  /** A new process on the same disk. */
  restart(name: string, options: Options = {}): RaftNode {
    this.network.restart(name);
    return this.start(name, options);
  }

  wipe(name: string): void {
    this.crash(name);
    const later = (run: () => void): void => void this.network.world.clock.setTimer(1, run);
    const node = this.node(name);
    node.log = createMemoryLog({ later });
    node.snapshots = createMemorySnapshots({ later });
  }

  advance(ms: number): void {
    this.network.world.advance(ms);
  }

  until(what: string, condition: () => boolean, withinMs = 20_000): void {
    if (!this.network.world.advanceUntil(condition, withinMs)) throw new Error(`Not in ${withinMs} ms: ${what}`);
  }

  /** Lets time pass until somebody leads. */
  leader(): RaftNode {
    const found = (): RaftNode | undefined =>
      [...this.nodes.values()].find(({ raft, view }) => raft !== null && view?.status().role === "leader");
    this.until("somebody leads", () => found() !== undefined);
    return found() as RaftNode;
  }

  followers(): readonly RaftNode[] {
    const leader = this.leader();
    return [...this.nodes.values()].filter((node) => node !== leader && node.raft !== null);
  }

  tell(node: RaftNode, message: RaftActorMessage): void {
    if (node.raft === null) throw new Error(`Node ${node.name} is down`);
    this.network.system(node.name).tell(node.raft, message);
    this.network.world.settle();
  }

  /** From another node, over the link, whatever the message says of its sender. */
  send(from: RaftNode, to: RaftNode, message: RaftActorMessage): void {
    const system = this.network.system(from.name);
    system.tell(system.refAt<RaftActorMessage>({ node: to.name, path: "raft" }), message);
    this.advance(2);
  }

  /** What a request is answered with, in the order of the answers. */
  ask<Reply>(node: RaftNode, make: (replyTo: Ref<Reply>) => RaftActorMessage): readonly Reply[] {
    const replies: Reply[] = [];
    const collector = stateless<Reply>("collector", (reply) => void replies.push(reply));
    const replyTo = this.network.system(node.name).spawn(collector, { name: `collector-${++this.#spawned}` });
    this.tell(node, make(replyTo));
    return replies;
  }

  status(node: RaftNode): RaftActorStatus {
    const [status] = this.ask<RaftActorStatus>(node, (replyTo) => ({ type: "status", replyTo }));
    if (status === undefined) throw new Error(`Node ${node.name} does not tell its status`);
    return status;
  }

  propose(node: RaftNode, text: string): void {
    this.tell(node, { type: "propose", payload: jsonCodec.encode(text) });
  }

  /** Has texts applied at everybody that is up, one after the other. */
  write(count: number, prefix = "t"): void {
    for (let at = 0; at < count; at++) {
      const leader = this.leader();
      const before = leader.texts.length;
      this.propose(leader, `${prefix}${at}`);
      this.until("it is applied", () => leader.texts.length > before);
    }
  }

  /** Everybody that is up has the same texts. */
  settled(): void {
    const up = [...this.nodes.values()].filter(({ raft }) => raft !== null);
    this.until("all have applied all", () => {
      const last = this.leader().view?.status().lastIndex;
      return up.every(({ applied }) => applied === last);
    });
    for (const { texts } of up) expect(texts).toEqual(up[0]?.texts);
  }

  close(): void {
    this.network.close();
    expect(this.crashes).toEqual([]);
  }
}
