/**
 * The receptionist of a node: knows who is in which group, here and on the nodes it is linked to.
 *
 *     joinGroup ─▶ local members ── changes, once a burst ──▶ watchers of this node
 *                        └── versioned deltas ──▶ receptionists of other nodes ─▶ their watchers
 *
 * Akka's receptionist and Erlang's pg do the same. As in pg each node alone says who its members are, so nothing has to be
 * agreed on: a node's set is its own, versioned, and a lost change is repaired by the whole set (`remote-members.ts`). Members
 * of a node whose link is lost leave, and come back with it.
 */
import type { ActorSystem } from "../actor-system.ts";
import type { Behavior } from "../behavior.ts";
import type { Context } from "../context.ts";
import type { LinkEvent } from "../ports/remoting.ts";
import type { AnyRef, Ref } from "../ref.ts";
import { deliver, GroupWatchers } from "./group-watchers.ts";
import { LocalMembers } from "./local-members.ts";
import { RemoteMembers, type PeerOutcome } from "./remote-members.ts";
import { isPeerMessage, type PeerMessage, type ReceptionistMessage } from "./receptionist-message.ts";

export const RECEPTIONIST_PATH = "receptionist";

/** How long a lost change can go unseen, and how often a node that does not answer is asked. One small message a node. */
const REPAIR_MS = 5000;

/**
 * Starts the receptionist of this node, the top-level actor `receptionist`: what `joinGroup`, `watchGroup`, `findGroup`, group
 * routers and topics stand on. Once a system, before the actors that use it.
 *
 * @throws when there is one already.
 */
export function spawnReceptionist(system: ActorSystem): void {
  system.spawn(receptionist(), {
    name: RECEPTIONIST_PATH,
    // Its state is what others have told it once; a bug in one message must not cost them that.
    supervision: { onCrash: "resume" },
  });
}

function receptionist(): Behavior<Receptionist, ReceptionistMessage> {
  return {
    name: "receptionist",
    accepts: isPeerMessage,
    init: (ctx) => new Receptionist(ctx),
    receive: (state, message) => state.receive(message),
    onSignal: (state, signal) => (signal.type === "terminated" ? state.terminated(signal.ref) : state),
  };
}

class Receptionist {
  readonly #ctx: Context<ReceptionistMessage>;
  readonly #local = new LocalMembers();
  readonly #watchers = new GroupWatchers();
  /** Nodes that are linked, and such that have spoken before their link was announced here. */
  readonly #peers = new Map<string, RemoteMembers>();
  /** Tells this receptionist from the one of an earlier start of the node. */
  readonly #life: string;
  #pulls = 0;
  /** Groups that changed since the last flush. */
  readonly #dirty = new Set<string>();
  #flushing = false;
  readonly #flushSoon: (value: null) => void;

  constructor(ctx: Context<ReceptionistMessage>) {
    this.#ctx = ctx;
    this.#life = `${ctx.random.integer(2 ** 32).toString(36)}${ctx.random.integer(2 ** 32).toString(36)}`;
    // An answer of its own, since a full mailbox never loses those.
    this.#flushSoon = ctx.callback(() => ({ type: "flush" }));
    ctx.watchLinks((event) => ({ type: "link", event }));
    ctx.setTimer("repair", REPAIR_MS, { type: "repair" });
  }

  receive(message: ReceptionistMessage): this {
    switch (message.type) {
      case "join":
        this.#join(message);
        break;
      case "leave":
        if (this.#local.leave(message.key, message.member.path)) this.#changed(message.key);
        this.#unwatchUnused(message.member);
        break;
      case "watch":
        this.#ctx.watch(message.watcher);
        this.#watchers.add(message.key, message.watcher, message.listing);
        deliver(message.listing, this.#members(message.key));
        break;
      case "unwatch":
        this.#watchers.remove(message.key, message.watcher.path);
        this.#unwatchUnused(message.watcher);
        break;
      case "find":
        this.#ctx.tell(message.replyTo, this.#members(message.key));
        break;
      case "link":
        this.#onLink(message.event);
        break;
      case "flush":
        this.#flush();
        break;
      case "repair":
        this.#repair();
        break;
      case "peer-pull":
      case "peer-full":
      case "peer-delta":
      case "peer-version":
        if (message.from.node !== this.#ctx.node) this.#onPeer(message);
        break;
      default:
        message satisfies never;
    }
    return this;
  }

  /** A member or a watcher is gone. */
  terminated({ path }: AnyRef): this {
    for (const key of this.#local.groupsOf(path)) if (this.#local.leave(key, path)) this.#changed(key);
    this.#watchers.removeAll(path);
    return this;
  }

  #join(message: ReceptionistMessage & { readonly type: "join" }): void {
    const { key, member, scope } = message;
    if (!this.#local.join(key, member, scope)) {
      message.refused();
      return;
    }
    this.#ctx.watch(member);
    this.#changed(key);
  }

  #unwatchUnused(ref: AnyRef): void {
    if (this.#local.groupsOf(ref.path).length === 0 && !this.#watchers.has(ref.path)) this.#ctx.unwatch(ref);
  }

  /** The same list in the same order on every node that knows the same. */
  #members(key: string): readonly AnyRef[] {
    const members = [...this.#local.members(key)];
    for (const peer of this.#peers.values()) members.push(...peer.members(key));
    return members.toSorted(byAddress);
  }

  #changed(key: string): void {
    this.#dirty.add(key);
    if (this.#flushing) return;
    this.#flushing = true;
    // Behind what waits in the mailbox: a burst of joins is one change.
    this.#flushSoon(null);
  }

  #flush(): void {
    this.#flushing = false;
    this.#tellPeers();
    for (const key of this.#dirty) if (this.#watchers.watches(key)) this.#watchers.tell(key, this.#members(key));
    this.#dirty.clear();
  }

  #tellPeers(): void {
    const changes = this.#local.takeChanges();
    if (changes === undefined) return;
    const delta: PeerMessage = { type: "peer-delta", from: this.#self, life: this.#life, ...changes };
    for (const [node, peer] of this.#peers) if (peer.listens) this.#ctx.tell(this.#receptionistOf(node), delta);
  }

  #onLink({ type, node }: LinkEvent): void {
    if (type === "up") {
      // Of a link that replaces another, members stay until the node has said who is there now.
      this.#pull(node, this.#peer(node));
      return;
    }
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    this.#peers.delete(node);
    for (const key of peer.clear()) this.#changed(key);
  }

  #onPeer(message: PeerMessage): void {
    const { node } = message.from;
    if (message.type === "peer-pull") {
      this.#answerPull(message);
      return;
    }
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    const outcome = heard(peer, message);
    if (outcome.type === "pull") this.#pull(node, peer);
    else if (outcome.type === "changed") for (const key of outcome.keys) this.#changed(key);
  }

  #answerPull({ from, token }: PeerMessage & { readonly type: "peer-pull" }): void {
    const peer = this.#peer(from.node);
    // It had no receptionist when it was asked, or its link was not up on both sides.
    if (!peer.listens && peer.awaitsFull) this.#pull(from.node, peer);
    this.#tellPeers();
    peer.listens = true;
    this.#ctx.tell(from, {
      type: "peer-full",
      from: this.#self,
      token,
      life: this.#life,
      version: this.#local.version,
      members: this.#local.shared(),
    });
  }

  #pull(node: string, peer: RemoteMembers): void {
    const token = `${this.#life}-${++this.#pulls}`;
    peer.pulled(token);
    this.#ctx.tell(this.#receptionistOf(node), { type: "peer-pull", from: this.#self, token });
  }

  #repair(): void {
    this.#ctx.setTimer("repair", REPAIR_MS, { type: "repair" });
    this.#tellPeers();
    const version: PeerMessage = {
      type: "peer-version",
      from: this.#self,
      life: this.#life,
      version: this.#local.version,
    };
    for (const [node, peer] of this.#peers) {
      if (peer.listens) this.#ctx.tell(this.#receptionistOf(node), version);
      if (!peer.awaitsFull) continue;
      // What it said last may be of a process that is gone.
      for (const key of peer.clear()) this.#changed(key);
      this.#pull(node, peer);
    }
  }

  #peer(node: string): RemoteMembers {
    const known = this.#peers.get(node) ?? new RemoteMembers((path) => this.#ctx.refAt({ node, path }));
    this.#peers.set(node, known);
    return known;
  }

  get #self(): Ref<PeerMessage> {
    return this.#ctx.self;
  }

  #receptionistOf(node: string): Ref<PeerMessage> {
    return this.#ctx.refAt({ node, path: RECEPTIONIST_PATH });
  }
}

function heard(peer: RemoteMembers, message: Exclude<PeerMessage, { readonly type: "peer-pull" }>): PeerOutcome {
  switch (message.type) {
    case "peer-full":
      return peer.full(message);
    case "peer-delta":
      return peer.delta(message);
    case "peer-version":
      return peer.version(message);
    default:
      return message satisfies never;
  }
}

function byAddress(one: AnyRef, other: AnyRef): number {
  if (one.node !== other.node) return one.node < other.node ? -1 : 1;
  if (one.path === other.path) return 0;
  return one.path < other.path ? -1 : 1;
}
