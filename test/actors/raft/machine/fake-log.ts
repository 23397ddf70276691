/** A machine actor on a Raft actor that does what the test says, in a world that moves by hand. */
import {
  MACHINE_SPAWN_OPTIONS,
  machineActor,
  type ExecuteBatch,
  type MachineCommand,
  type MachineMessage,
  type MachineReplies,
  type MachineReply,
  type MachineView,
  type QueryBatch,
  type RaftActorMessage,
  type RaftEvent,
} from "../../../../actors/index.ts";
import { ActorSystem, stateless, type LogEntry, type Ref } from "../../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../../runtime/testkit/index.ts";
import { ascii, Lists } from "./sample-machine.ts";

type OfType<Type extends RaftActorMessage["type"]> = Extract<RaftActorMessage, { readonly type: Type }>;

export interface FakeLogOptions {
  /** Default "n1". */
  readonly node?: string;
  readonly blockBytes?: number;
  readonly gatherMs?: number;
  readonly snapshotChunkBytes?: number;
  readonly sessions?: { readonly max?: number; readonly expiryMs?: number };
}

export class FakeLog {
  readonly world: ManualWorld = createManualWorld();
  readonly system: ActorSystem;
  readonly lists: Lists = new Lists();
  readonly machine: Ref<MachineMessage>;
  readonly proposals: OfType<"propose">[] = [];
  readonly reads: string[] = [];
  readonly said: RaftActorMessage[] = [];
  readonly events: RaftEvent[] = [];
  view: MachineView | null = null;
  /** With `commits` each proposal is in the log and committed at once; with `takes` it is only said to be in the log. */
  mode: "commits" | "takes" | "refuses" | "silent" = "commits";
  refusal: "no-leader" | "overloaded" | "too-large" | "read-only" = "no-leader";
  answersReads = true;
  readonly entries: LogEntry[] = [];
  #spawned = 0;

  constructor({ node = "n1", ...options }: FakeLogOptions = {}) {
    this.system = ActorSystem.create({ node, world: this.world });
    const raft = this.system.spawn(
      stateless<RaftActorMessage>("raft", (message) => this.#receive(message)),
      { name: "raft" },
    );
    const behavior = machineActor({
      raft,
      machine: this.lists,
      ...options,
      onApply: (view) => (this.view = view),
      onEvent: (event) => this.events.push(event),
    });
    this.machine = this.system.spawn(behavior, MACHINE_SPAWN_OPTIONS);
    this.world.settle();
  }

  /** This node leads from now on, or another one does. */
  lead(leader: string | null = this.system.node): void {
    this.emit({ type: "leadership", leader, term: 1, isLeader: leader === this.system.node });
  }

  emit(event: RaftEvent): void {
    this.system.tell(this.machine, event);
    this.world.settle();
  }

  /** Puts a payload into the log and hands it over. */
  commit(payload: Uint8Array): void {
    this.append(payload);
    this.emit({ type: "committed", entries: this.entries.slice(-1) });
  }

  append(payload: Uint8Array): void {
    this.entries.push({ index: this.entries.length + 1, term: 1, type: "command", payload });
  }

  execute(
    commands: readonly (string | Omit<MachineCommand, "id">)[],
    options: Partial<Pick<ExecuteBatch, "elsewhere" | "timeoutMs">> = {},
  ): MachineReply[] {
    const { replies, replyTo } = this.collect();
    this.tellExecute(replyTo, commands, options);
    this.world.settle();
    return replies;
  }

  /** Without a turn of the world, so that several go into one turn. */
  tellExecute(
    replyTo: Ref<MachineReplies>,
    commands: readonly (string | Omit<MachineCommand, "id">)[],
    options: Partial<Pick<ExecuteBatch, "elsewhere" | "timeoutMs">> = {},
  ): void {
    const made = commands.map((command, id) =>
      typeof command === "string" ? { id, bytes: ascii(command) } : { ...command, id },
    );
    this.system.tell(this.machine, {
      type: "execute",
      commands: made,
      timeoutMs: 1000,
      elsewhere: "refuse",
      replyTo,
      ...options,
    });
  }

  query(keys: readonly string[], consistency: QueryBatch["consistency"] = "linearizable"): MachineReply[] {
    const { replies, replyTo } = this.collect();
    const queries = keys.map((key, id) => ({ id, bytes: ascii(key) }));
    this.system.tell(this.machine, { type: "query", queries, consistency, timeoutMs: 1000, replyTo });
    this.world.settle();
    return replies;
  }

  collect(): { replies: MachineReply[]; batches: MachineReplies[]; replyTo: Ref<MachineReplies> } {
    const replies: MachineReply[] = [];
    const batches: MachineReplies[] = [];
    const collector = stateless<MachineReplies>("collector", (message) => {
      batches.push(message);
      replies.push(...message.replies);
    });
    return { replies, batches, replyTo: this.system.spawn(collector, { name: `collector-${++this.#spawned}` }) };
  }

  #receive(message: RaftActorMessage): void {
    this.said.push(message);
    if (message.type === "propose") this.#propose(message);
    else if (message.type === "read") {
      this.reads.push(message.id);
      if (this.answersReads) this.#tell({ type: "read-ready", id: message.id, index: this.entries.length });
    }
  }

  #propose(message: OfType<"propose">): void {
    this.proposals.push(message);
    if (this.mode === "silent") return;
    const refused = { type: "propose-refused", code: this.refusal, leader: null } as const;
    const taken = { type: "proposed", index: this.entries.length + 1, term: 1 } as const;
    if (message.replyTo) this.system.tell(message.replyTo, this.mode === "refuses" ? refused : taken);
    if (this.mode !== "commits") return;
    this.append(message.payload);
    this.#tell({ type: "committed", entries: this.entries.slice(-1) });
  }

  #tell(event: RaftEvent): void {
    this.system.tell(this.machine, event);
  }
}
