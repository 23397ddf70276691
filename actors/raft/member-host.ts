/**
 * A member of a cluster, between its core and the world: gathers what comes, lets the core decide once a batch, and carries out what
 * it has decided. It decides nothing itself.
 *
 *     message, timer, store ─▶ step … step ─▶ flush (behind all that waited) ─▶ takeReady ─▶ write, send, restore, apply
 *
 * One flush serves everything that was in the mailbox when the first of it was handled: hundreds of proposals make one write and one
 * append to each follower, and as many acknowledgements move the commit index once. A batch ends by itself, since what comes after
 * its first message stands behind the flush.
 */
import { encodeConfiguration } from "./core/configuration-codec.ts";
import { allMembers } from "./core/configuration.ts";
import { RaftCore } from "./core/raft-core.ts";
import type { RaftInput } from "./core/raft-input.ts";
import { DEFAULT_RAFT_LIMITS, DEFAULT_RAFT_PREFERENCES, DEFAULT_RAFT_TIMING } from "./core/raft-options.ts";
import type { Leadership, ReadOutcome, Ready } from "./core/ready.ts";
import { hostStatus } from "./host-status.ts";
import type { HostPart, HostPorts } from "./host-ports.ts";
import { nodeOf } from "./member-id.ts";
import type { MemberStart } from "./member-start.ts";
import { MembershipNews } from "./membership-news.ts";
import { MembershipRequests } from "./membership-requests.ts";
import { isForged, peerFault } from "./peer-check.ts";
import { Proposals } from "./proposals.ts";
import type { RaftActorMessage, RaftEvent } from "./raft-actor-protocol.ts";
import { describeRefusal, Refusals, type RefusalReason } from "./refusals.ts";
import type { TraceEvent } from "./trace.ts";
import { Tracer, traceStep } from "./tracer.ts";
import { MemberSnapshots } from "./transfer/member-snapshots.ts";

interface MemberIdentity {
  readonly member: string;
  readonly cluster: string;
}

type Peer = Extract<RaftActorMessage, { readonly type: "peer" }>;

const TIMER = "deadline";

/** So many messages end a batch though more wait: with a long queue, a heartbeat or a write must not wait for all of it. */
const BATCH_MAX = 1024;

export class MemberHost implements HostPart {
  readonly #ports: HostPorts;
  readonly #identity: MemberIdentity;
  readonly #core: RaftCore;
  readonly #proposals: Proposals;
  readonly #requests: MembershipRequests;
  readonly #news: MembershipNews;
  readonly #refusals = new Refusals();
  readonly #snapshots: MemberSnapshots;
  #readOnly = false;
  /** When the timer that is set will fire. The core's deadline mostly moves on; the timer follows only when it fires. */
  #timerAtMs = Infinity;
  /** Puts a flush behind all that waits. As an answer that the actor has asked for, it comes whatever the mailbox's capacity. */
  readonly #postFlush: (value: null) => void;
  /** In `handle`, which flushes at its end what its message asks for. */
  #isHandling = false;
  #isFlushWanted = false;
  /** A flush stands in the mailbox. */
  #isFlushPosted = false;
  /** Messages since the last flush. */
  #batched = 0;
  /** Null when nobody listens. */
  readonly #tracer: Tracer | null;

  constructor(ports: HostPorts, start: MemberStart, identity: MemberIdentity) {
    const { options, ctx, peers } = ports;
    const { newest } = start.snapshots;
    this.#ports = ports;
    this.#identity = identity;
    this.#core = new RaftCore({
      self: identity.member,
      configuration: start.configuration,
      loaded: start.loaded,
      ...(newest && { snapshot: { index: newest.index, term: newest.term, sizeBytes: newest.sizeBytes } }),
      random: ctx.random,
      nowMs: ctx.now(),
      ...(options.timing && { timing: options.timing }),
      ...(options.limits && { limits: options.limits }),
      ...(options.preferences && { preferences: options.preferences }),
      ...(options.rules && { rules: options.rules }),
    });
    const payloadBytesMax = options.limits?.payloadBytesMax ?? DEFAULT_RAFT_LIMITS.payloadBytesMax;
    this.#proposals = new Proposals({ ctx, peers, payloadBytesMax });
    this.#requests = new MembershipRequests(ctx, peers);
    this.#news = new MembershipNews(ports, identity);
    this.#snapshots = new MemberSnapshots({
      ports,
      view: this.#core,
      found: start.snapshots,
      step: (input) => this.#step(input),
      send: (to, message) => this.#send(to, message),
    });
    this.#postFlush = ctx.callback<null>(() => ({ type: "flush" }));
    this.#tracer = this.#trace();
    options.onStart?.(this.#core);
    this.#flush();
  }

  handle(message: RaftActorMessage): void {
    this.#isHandling = true;
    this.#handle(message);
    this.#isHandling = false;
    if (!this.#isFlushWanted) return;
    this.#isFlushWanted = false;
    // Where nothing waits, a flush behind all that waits would be the next that is handled.
    if (this.#ports.ctx.waiting === 0) this.#flush();
    else this.#wantFlush();
  }

  #handle(message: RaftActorMessage): void {
    const nowMs = this.#ports.ctx.now();
    if (message.type === "timeout" || nowMs >= this.#timerAtMs) {
      this.#timerAtMs = Infinity;
      this.#step({ type: "timeout" });
    }
    switch (message.type) {
      case "flush":
        this.#isFlushPosted = false;
        return this.#flush();
      case "peer":
        return this.#onPeer(message);
      case "propose":
      case "propose-batch":
        this.#proposals.add(message, this.#core);
        return this.#wantFlush();
      case "read":
        return this.#step({ type: "read", id: message.id });
      case "persisted":
        if (message.error) return this.#ports.fail(message.error);
        return this.#step({ type: "persisted", token: message.token });
      case "stand-aside":
        return this.#step(message);
      case "timeout":
      case "resume":
        return;
      default:
        return this.#onRequest(message);
    }
  }

  /** The link to the leader is gone, and the process behind it perhaps, too. */
  lost(node: string): void {
    const leader = this.#ports.peers.lost(node);
    if (leader !== null) this.#step({ type: "link-lost", member: leader });
  }

  onRoom(hasRoom: boolean): void {
    this.#readOnly = !hasRoom;
    this.#step({ type: "room", hasRoom });
  }

  stop(): void {
    this.#ports.ctx.cancelTimer(TIMER);
    this.#snapshots.stop();
  }

  /** Tells everybody in a configuration that was just formed that they belong. */
  announce(): void {
    const { member } = this.#identity;
    for (const other of allMembers(this.#core.status().configuration.configuration)) {
      if (other !== member) this.#answerHello(other);
    }
  }

  // ── What comes ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #onPeer(envelope: Peer): void {
    const reason = peerFault(envelope, this.#identity, this.#ports.ctx.senderNode);
    if (reason !== null) return this.#refuse(reason, envelope);
    const { from, message } = envelope;
    this.#step({ type: "message", from, message });
    this.#tracer?.received(envelope);
    if (from === this.#core.leader) this.#ports.peers.watch(from);
    // Whoever polls without being in the configuration was removed while it did not listen, and would never hear of it.
    if (message.type === "pre-vote-request" && this.#news.isStranger(from)) this.#answerHello(from);
  }

  #refuse(reason: RefusalReason, envelope: Peer): void {
    this.#tracer?.dropped(envelope);
    this.#tellRefusal(reason, envelope);
  }

  #tellRefusal(reason: RefusalReason, { cluster, from, to }: Pick<Peer, "cluster" | "from" | "to">): void {
    const { ctx, tell } = this.#ports;
    const sender = ctx.senderNode;
    // By who sent it: names that are made up must not use up the lines that are told.
    if (!this.#refusals.add(reason, reason === "forged" ? (sender ?? from) : from)) return;
    const message = describeRefusal(reason, { cluster, from, to }, this.#identity, sender);
    tell({ type: "peer-refused", reason, from, message });
  }

  /** Whether a greeting speaks in another node's name, which is refused and counted. */
  #refusesGreeting(from: string): boolean {
    if (!isForged(from, this.#ports.ctx.senderNode)) return false;
    const { cluster, member } = this.#identity;
    this.#tellRefusal("forged", { cluster, from, to: member });
    return true;
  }

  #onRequest(
    message: Exclude<
      RaftActorMessage,
      {
        type:
          | "flush"
          | "peer"
          | "propose"
          | "propose-batch"
          | "read"
          | "stand-aside"
          | "persisted"
          | "timeout"
          | "resume";
      }
    >,
  ): void {
    switch (message.type) {
      case "change-membership":
        this.#requests.change(this.#core, message);
        this.#tracer?.stepped("ChangeConfiguration");
        return this.#wantFlush();
      case "transfer":
        this.#requests.transfer(this.#core, message);
        return this.#wantFlush();
      case "hello":
        if (message.from === this.#identity.member || this.#refusesGreeting(message.from)) return;
        this.#requests.onHello(message.from);
        return this.#answerHello(message.from);
      case "hello-answer":
        if (!this.#refusesGreeting(message.from)) this.#news.onAnswer(message, this.#core);
        return;
      case "replay":
        return this.#snapshots.replay(message.fromIndex);
      case "snapshot-taken":
      case "snapshot-chunk":
      case "snapshot-now":
        return this.#snapshots.onMachine(message);
      case "status":
        return this.#ports.ctx.tell(message.replyTo, this.#status());
      default:
        message satisfies never;
    }
  }

  /** A member that has no configuration yet cannot say who belongs, and leaves it to the others. */
  #answerHello(to: string): void {
    const { member, cluster } = this.#identity;
    const { configuration } = this.#core.status().configuration;
    if (configuration.voters.length === 0) return;
    const [first] = this.#core.entries(1, 1);
    this.#ports.peers.tell(to, {
      type: "hello-answer",
      from: member,
      to,
      voters: this.#ports.options.voters.toSorted(),
      belongs: {
        cluster,
        configuration: encodeConfiguration(configuration),
        birth: first?.type === "configuration" ? first.payload : null,
      },
    });
  }

  #step(input: RaftInput): void {
    this.#core.step(input, this.#ports.ctx.now());
    if (this.#tracer !== null) traceStep(this.#tracer, input);
    this.#wantFlush();
  }

  #wantFlush(): void {
    this.#batched += 1;
    if (this.#batched >= BATCH_MAX) return this.#flush();
    if (this.#isFlushPosted) return;
    if (this.#isHandling) {
      this.#isFlushWanted = true;
      return;
    }
    this.#isFlushPosted = true;
    this.#postFlush(null);
  }

  // ── What goes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #flush(): void {
    this.#batched = 0;
    this.#isFlushWanted = false;
    const core = this.#core;
    this.#proposals.flush(core, { leads: core.isLeader, readOnly: this.#readOnly });
    this.#tracer?.proposed();
    const ready = core.takeReady(this.#ports.ctx.now());
    this.#tracer?.follow();
    for (const { to, message } of ready.messages) this.#send(to, message);
    if (ready.write) this.#write(ready.write);
    if (ready.leadership) this.#tellLeadership(ready.leadership);
    if (ready.configuration) {
      this.#ports.tell({ type: "configuration", ...ready.configuration });
      this.#news.onConfiguration(ready.configuration);
    }
    this.#snapshots.carryOut(ready);
    for (const read of ready.reads) this.#ports.tell(readEvent(read));
    for (const alarm of ready.alarms) this.#ports.tell({ type: "alarm", alarm });
    if (ready.compact) this.#ports.options.store.compact(ready.compact);
    this.#setTimer(Math.min(core.nextDeadlineMs(), this.#proposals.deadlineMs));
  }

  #send(to: string, message: Peer["message"]): void {
    const { member, cluster } = this.#identity;
    this.#ports.peers.tell(to, { type: "peer", cluster, from: member, to, message });
    this.#tracer?.sent({ from: member, to, message });
  }

  #write({ token, write }: NonNullable<Ready["write"]>): void {
    const { options, ctx } = this.#ports;
    options.store.append(
      this.#core.isLeader ? write : { ...write, fromFollower: true },
      ctx.callback((error) => ({ type: "persisted", token, ...(error && { error }) })),
    );
  }

  #tellLeadership(leadership: Leadership): void {
    const { leader } = leadership;
    this.#ports.tell({ type: "leadership", ...leadership, leader: leader && nodeOf(leader) });
    this.#snapshots.onLeadership();
    if (leader !== null) this.#news.onLeader();
  }

  #setTimer(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timerAtMs = atMs;
    const { ctx } = this.#ports;
    ctx.setTimer(TIMER, Math.max(0, atMs - ctx.now()), { type: "timeout" });
  }

  #trace(): Tracer | null {
    const { options, ctx } = this.#ports;
    if (options.onTrace === undefined) return null;
    const listen = (event: TraceEvent): void => options.onTrace?.(event);
    return new Tracer({ view: this.#core, cluster: this.#identity.cluster, now: () => ctx.now(), listen });
  }

  #status(): ReturnType<typeof hostStatus> {
    const { ctx, options } = this.#ports;
    const status = this.#core.status();
    const { newest } = this.#snapshots;
    return hostStatus(status, {
      node: ctx.node,
      cluster: this.#identity.cluster,
      membership: this.#news.membership,
      waiting: this.#requests.waiting(status.configuration.configuration),
      preferences: { ...DEFAULT_RAFT_PREFERENCES, ...options.preferences },
      readOnly: this.#readOnly,
      snapshotIndex: newest?.index ?? 0,
      snapshotBytes: newest?.sizeBytes ?? 0,
      refused: this.#refusals.counts,
      nowMs: ctx.now(),
      silentMs: options.timing?.electionTimeoutMaxMs ?? DEFAULT_RAFT_TIMING.electionTimeoutMaxMs,
    });
  }
}

function readEvent(read: ReadOutcome): RaftEvent {
  if (read.ok) return { type: "read-ready", id: read.id, index: read.index };
  return { type: "read-failed", id: read.id, code: read.code };
}
