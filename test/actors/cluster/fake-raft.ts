/** A cluster of one: a replica on a Raft actor that does what the test says, in a world that moves by hand. */
import {
  REPLICA_SPAWN_OPTIONS,
  replicaActor,
  type ClusterView,
  type Command,
  type Proposal,
  type ProposeReply,
  type Query,
  type RaftActorMessage,
  type RaftEvent,
  type ReadReply,
  type ReplicaMessage,
  type Selection,
  type WatchMessage,
} from "../../../actors/index.ts";
import { ActorSystem, jsonCodec, stateless, type LogEntry, type LogFields, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";

type OfType<Type extends RaftActorMessage["type"]> = Extract<RaftActorMessage, { readonly type: Type }>;

export class FakeRaft {
  readonly world: ManualWorld = createManualWorld();
  readonly system: ActorSystem;
  readonly replica: Ref<ReplicaMessage>;
  readonly logged: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  readonly proposals: OfType<"propose">[] = [];
  readonly reads: OfType<"read">[] = [];
  readonly replays: OfType<"replay">[] = [];
  /** All that the replica has told Raft. */
  readonly said: RaftActorMessage[] = [];
  /** With `commits` every proposal is in the log and committed at once; with `takes` it is only in the log. */
  mode: "commits" | "takes" | "refuses" | "silent" = "commits";
  refusal: "no-leader" | "overloaded" | "too-large" | "store-failed" = "no-leader";
  /** Goes with each refusal. */
  retryAfterMs: number | null = null;
  /** Answers every read at once with the last index. */
  answersReads = true;
  answersReplays = true;
  view: ClusterView | null = null;
  term = 1;
  readonly entries: LogEntry[] = [];
  #spawned = 0;

  constructor(node = "n1") {
    this.system = ActorSystem.create({ node, world: this.world });
    const raft = this.system.spawn(
      stateless<RaftActorMessage>("raft", (message) => this.#receive(message)),
      { name: "raft" },
    );
    const replica = replicaActor({
      raft,
      codec: jsonCodec,
      logger: { log: (_, message, fields) => void this.logged.push({ message, fields }) },
      onApply: (view) => (this.view = view),
    });
    this.replica = this.system.spawn(replica, REPLICA_SPAWN_OPTIONS);
    this.world.settle();
  }

  get lastIndex(): number {
    return this.entries.length;
  }

  /** This node leads from now on; `noop` opens the term. */
  lead(options: { readonly noop?: boolean } = {}): void {
    this.emit({ type: "leadership", leader: this.system.node, term: this.term, isLeader: true });
    if (options.noop !== false) this.commitNoop();
  }

  commitNoop(): void {
    this.#append({ type: "noop", payload: new Uint8Array(0) });
  }

  /** Commits what a proposal carries, as Raft does when it was in the log. */
  commit(payload: Uint8Array): void {
    this.#append({ type: "command", payload });
  }

  emit(event: RaftEvent): void {
    this.system.tell(this.replica, event);
    this.world.settle();
  }

  /** Entries from `from` to `to`, handed over as one batch. */
  handOver(from: number, to: number): void {
    this.emit({ type: "committed", entries: this.entries.slice(from - 1, to) });
  }

  /** A snapshot of the replica as of now: what `meanwhile` does is not in it. */
  snapshot(meanwhile?: () => void): readonly { readonly bytes: Uint8Array; readonly last: boolean }[] {
    this.emit({ type: "take-snapshot", request: 1 });
    meanwhile?.();
    const chunks: { readonly bytes: Uint8Array; readonly last: boolean }[] = [];
    while (chunks.at(-1)?.last !== true) {
      this.emit({ type: "next-chunk", request: 1, number: chunks.length });
      const said = this.said.at(-1);
      if (said?.type !== "snapshot-chunk") throw new Error(`There is no chunk ${chunks.length}`);
      chunks.push(said);
    }
    return chunks;
  }

  /** Hands a snapshot over as the state as of `index`, which the log then begins behind. */
  restore(index: number, chunks: readonly { readonly bytes: Uint8Array; readonly last: boolean }[]): void {
    for (const [number, { bytes, last }] of chunks.entries())
      this.emit({ type: "restore", index, number, bytes, last });
  }

  /** Appends without handing over. */
  lose(payload: Uint8Array): void {
    this.entries.push({ index: this.lastIndex + 1, term: this.term, type: "command", payload });
  }

  propose(command: Command, timeoutMs = 5000): ProposeReply[] {
    const replies: ProposeReply[] = [];
    this.system.tell(this.replica, { type: "propose", command, timeoutMs, replyTo: this.#collect(replies) });
    this.world.settle();
    return replies;
  }

  read(query: Query, timeoutMs = 1000): ReadReply[] {
    const replies: ReadReply[] = [];
    this.system.tell(this.replica, { type: "read", query, timeoutMs, replyTo: this.#collect(replies) });
    this.world.settle();
    return replies;
  }

  watch(selection: Selection, since?: number): { readonly seen: WatchMessage[]; readonly ref: Ref<WatchMessage> } {
    const seen: WatchMessage[] = [];
    const subscriber = this.#collect(seen);
    const resume = since === undefined ? {} : { since };
    this.system.tell(this.replica, { type: "subscribe", subscriber, selection, ...resume });
    this.world.settle();
    return { seen, ref: subscriber };
  }

  /** What the n-th message to Raft proposed. */
  proposal(at: number): Proposal {
    const message = this.proposals.at(at);
    if (message === undefined) throw new Error(`There is no proposal ${at}`);
    return jsonCodec.decode(message.payload) as Proposal;
  }

  #collect<Message>(into: Message[]): Ref<Message> {
    const collector = stateless<Message>("collector", (message) => void into.push(message));
    return this.system.spawn(collector, { name: `collector-${++this.#spawned}` });
  }

  #receive(message: RaftActorMessage): void {
    this.said.push(message);
    switch (message.type) {
      case "propose":
        this.#propose(message);
        return;
      case "read":
        this.reads.push(message);
        if (this.answersReads)
          this.system.tell(this.replica, { type: "read-ready", id: message.id, index: this.lastIndex });
        return;
      case "replay":
        this.replays.push(message);
        if (this.answersReplays)
          this.system.tell(this.replica, { type: "committed", entries: this.entries.slice(message.fromIndex - 1) });
        return;
      default:
    }
  }

  #propose(message: OfType<"propose">): void {
    this.proposals.push(message);
    if (this.mode === "silent" || message.replyTo === undefined) return;
    if (this.mode === "refuses") {
      const hint = this.retryAfterMs === null ? {} : { retryAfterMs: this.retryAfterMs };
      this.system.tell(message.replyTo, { type: "propose-refused", code: this.refusal, leader: null, ...hint });
      return;
    }
    this.system.tell(message.replyTo, { type: "proposed", index: this.lastIndex + 1, term: this.term });
    if (this.mode === "commits") this.#commitLater(message.payload);
  }

  #commitLater(payload: Uint8Array): void {
    this.lose(payload);
    this.system.tell(this.replica, { type: "committed", entries: this.entries.slice(-1) });
  }

  #append(entry: Pick<LogEntry, "type" | "payload">): void {
    this.entries.push({ ...entry, index: this.lastIndex + 1, term: this.term });
    this.handOver(this.lastIndex, this.lastIndex);
  }
}
