/**
 * Changes of who belongs to the cluster and who leads it, from whichever node is asked.
 *
 * Names are made ids here: a member's id holds the incarnation that its node minted on an empty disk, so a node that is
 * added is linked to first and asked who it is. What is allowed is the leader's to decide; here only that is refused
 * which Raft would allow and an operator regrets: a removal after which too few voters are left that answer.
 */
import type {
  ChangeMembershipReply,
  ReplicaRequest,
  ReplicaStatus,
  SnapshotReply,
  TransferReply,
} from "../actors/index.ts";
import type { ActorSystem, Clock, Ref } from "../runtime/index.ts";
import { apiError, type ApiError, type ApiErrorCode } from "./api-error.ts";
import type { ApiLimits } from "./limits.ts";
import { memberList, memberNamed, whyNotRemove } from "./member-views.ts";
import type { AddMember, MemberList, MembershipChanged, SnapshotMade, Transferred } from "./member-wire.ts";
import type { ReplicaGateway } from "./replica-gateway.ts";

/** The node's links to others, which its transport keeps. */
export interface ClusterLinks {
  /** Lets that node link, which listens at `HOST:PORT`. One that has an address already keeps it. */
  addPeer(node: string, address: string): void;
  /** Undoes `addPeer` for a node that did not become a member. */
  removePeer(node: string): void;
  addressOf(node: string): string | undefined;
}

export interface ClusterMembersOptions {
  readonly node: string;
  readonly system: ActorSystem;
  readonly replica: ReplicaGateway;
  readonly clock: Clock;
  readonly limits: ApiLimits;
  /** Without it, only nodes that are linked already can be added. */
  readonly links: ClusterLinks | undefined;
}

type MembershipChange = Extract<ReplicaRequest, { readonly type: "change-membership" }>["change"];

type Refusals<Reply extends { readonly ok: boolean }> = Readonly<
  Record<Extract<Reply, { readonly ok: false; readonly code: string }>["code"], ApiErrorCode>
>;

const CHANGE_CODES: Refusals<ChangeMembershipReply> = {
  "not-leader": "no-leader",
  "change-under-way": "change-under-way",
  "term-not-committed": "not-ready",
  "not-a-member": "not-a-member",
  "not-joint": "conflict",
  "already-a-member": "already-a-member",
  "not-caught-up": "not-caught-up",
  "last-voter": "last-voter",
  overloaded: "overloaded",
  "no-leader": "no-leader",
  "store-failed": "store-failed",
  "read-only": "read-only",
};

const TRANSFER_CODES: Refusals<TransferReply> = {
  "not-leader": "no-leader",
  "not-a-voter": "not-a-voter",
  "transfer-under-way": "transfer-under-way",
  unreachable: "node-unreachable",
  "no-leader": "no-leader",
  overloaded: "overloaded",
  "store-failed": "store-failed",
  "read-only": "read-only",
};

const SNAPSHOT_CODES: Refusals<SnapshotReply> = {
  "snapshot-under-way": "snapshot-under-way",
  "nothing-to-snapshot": "nothing-to-snapshot",
  "store-failed": "store-failed",
  "no-leader": "no-leader",
  overloaded: "overloaded",
  "read-only": "read-only",
};

/** How often it looks whether something has come about. */
const POLL_MS = 50;

/** Where every node has its replica. */
const REPLICA_PATH = "replica";

export class ClusterMembers {
  readonly #options: ClusterMembersOptions;

  constructor(options: ClusterMembersOptions) {
    this.#options = options;
  }

  /** @throws {ApiError} `no-answer`. */
  async list(options: { readonly strict?: boolean } = {}): Promise<MemberList> {
    const view = await this.#view();
    const nodes = [...new Set(view.members.map(({ node }) => node))];
    const told = await Promise.all(nodes.map(async (node) => [node, await this.#statusOf(node)] as const));
    const answered = told.filter((each): each is [string, ReplicaStatus] => each[1] !== undefined);
    return memberList({
      view,
      told: new Map(answered),
      ...options,
      addressOf: (node) => this.#options.links?.addressOf(node),
    });
  }

  /** Adds the node as a learner. @throws {ApiError} */
  async add({ name, address }: AddMember): Promise<MembershipChanged> {
    const { links, limits } = this.#options;
    const known = links?.addressOf(name);
    if (address !== undefined && known === undefined) links?.addPeer(name, address);
    try {
      const status = await this.#until(limits.joinMs, async () => this.#statusOf(name));
      if (status === undefined || status.member === "") throw unjoined(name, known ?? address, limits.joinMs);
      const change: MembershipChange = {
        type: "add-learner",
        member: status.member,
        ...(address === undefined ? {} : { address }),
      };
      return await this.#change(change);
    } catch (error) {
      if (known === undefined) links?.removePeer(name);
      throw error;
    }
  }

  /** @throws {ApiError} */
  async promote(name: string): Promise<MembershipChanged> {
    return this.#change({ type: "promote", member: memberNamed(await this.list(), name, "promote").member });
  }

  /** @throws {ApiError} */
  async demote(name: string): Promise<MembershipChanged> {
    return this.#change({ type: "demote", member: memberNamed(await this.list(), name, "demote").member });
  }

  /** @throws {ApiError} `quorum-at-risk` unless `force`, and what the leader refuses. */
  async remove(name: string, { force }: { readonly force: boolean }): Promise<MembershipChanged> {
    const list = await this.list({ strict: true });
    const member = memberNamed(list, name, "remove");
    const refusal = whyNotRemove(list, member);
    if (refusal !== undefined && !(force && refusal.code === "quorum-at-risk")) throw refusal;
    return this.#change({ type: "remove", member: member.member });
  }

  /** @throws {ApiError} */
  async transfer({ to, force }: { readonly to?: string; readonly force: boolean }): Promise<Transferred> {
    const { replica, limits } = this.#options;
    const list = await this.list();
    const wanted = to === undefined ? null : memberNamed(list, to, "transfer leadership to").node;
    const reply = await this.#ask<TransferReply>(replica.ref, limits.writeMs, (replyTo) => ({
      type: "transfer-leadership",
      to: wanted,
      force,
      replyTo,
    }));
    if (!reply.ok) throw refused(TRANSFER_CODES[reply.code], reply.message);
    const [target = reply.to] = reply.to.split("@");
    const done = await this.#until(limits.writeMs, async () => {
      const { leader } = await this.#view();
      return leader === target ? true : undefined;
    });
    return { from: list.leader, to: target, done: done === true };
  }

  /** A snapshot of that node's state, made now; its log is compacted behind it, with `compact` all of it. @throws {ApiError} */
  async snapshot(node: string = this.#options.node, { compact = false } = {}): Promise<SnapshotMade> {
    const { limits } = this.#options;
    const before = await this.#statusOf(node);
    if (before === undefined) throw unreachable(node, "make a snapshot of");
    const reply = await this.#ask<SnapshotReply>(this.#replicaOf(node), limits.snapshotMs, (replyTo) => ({
      type: "snapshot-now",
      compact,
      replyTo,
    }));
    if (!reply.ok) throw refused(SNAPSHOT_CODES[reply.code], reply.message);
    const { index, sizeBytes } = reply;
    // The log is compacted when the snapshot has been told to Raft, a message later.
    const base = await this.#until(limits.peerMs, async () => {
      const now = await this.#statusOf(node);
      return now !== undefined && (!compact || now.base >= index) ? now.base : undefined;
    });
    return { node, index, sizeBytes, base: base ?? before.base, freedEntries: (base ?? before.base) - before.base };
  }

  async #change(change: MembershipChange): Promise<MembershipChanged> {
    const { replica, limits, node } = this.#options;
    const by = `the API of node ${node}`;
    const reply = await this.#ask<ChangeMembershipReply>(replica.ref, limits.writeMs, (replyTo) => ({
      type: "change-membership",
      change,
      by,
      replyTo,
    }));
    if (!reply.ok) throw refused(CHANGE_CODES[reply.code], reply.message);
    const { index } = reply;
    const done = await this.#until(limits.writeMs, async () => {
      const { configuration } = await this.#view();
      return (configuration?.committed === true && !configuration.joint && configuration.index >= index) || undefined;
    });
    return { change: change.type, member: change.member, index, done: done === true };
  }

  /** The leader's status, else that of this node. @throws {ApiError} `not-ready` when neither knows a configuration. */
  async #view(): Promise<ReplicaStatus> {
    const { replica, node } = this.#options;
    const own = await replica.status();
    if (own.role === "leader" || own.leader === null) return knowing(own);
    if (own.leader !== node) {
      const told = await this.#statusOf(own.leader);
      if (told?.role === "leader" && told.term >= own.term) return told;
    }
    return knowing(own);
  }

  async #statusOf(node: string): Promise<ReplicaStatus | undefined> {
    const { system, limits } = this.#options;
    const result = await system.ask<ReplicaRequest, ReplicaStatus>(
      this.#replicaOf(node),
      (replyTo) => ({ type: "status", replyTo }),
      { timeoutMs: limits.peerMs },
    );
    return result.ok ? result.answer : undefined;
  }

  #replicaOf(node: string): Ref<ReplicaRequest> {
    const { replica, system } = this.#options;
    return node === this.#options.node ? replica.ref : system.refAt<ReplicaRequest>({ node, path: REPLICA_PATH });
  }

  async #ask<Reply>(
    to: Ref<ReplicaRequest>,
    timeoutMs: number,
    make: (replyTo: Ref<Reply>) => ReplicaRequest,
  ): Promise<Reply> {
    const result = await this.#options.system.ask<ReplicaRequest, Reply>(to, make, { timeoutMs });
    if (result.ok) return result.answer;
    const message = `The replica of node "${to.node}" did not answer; what was asked may have been done`;
    throw apiError("no-answer", message, { fate: "unknown" });
  }

  /** Asks again and again; undefined when time is up. */
  async #until<T>(timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (clock.monotonicMs() >= endMs) return undefined;
      await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
    }
  }
}

/** A node that has just come, or whose log could not be loaded, knows nobody; another one does. */
function knowing(status: ReplicaStatus): ReplicaStatus {
  if (status.members.length > 0) return status;
  throw refused("not-ready", `Node "${status.node}" does not know who belongs to the cluster; ask another node`);
}

/** The leader or the member itself said no before anything was done. */
function refused(code: ApiErrorCode, message: string): ApiError {
  return apiError(code, message, { fate: "not-applied" });
}

function unjoined(node: string, address: string | undefined, waitedMs: number): ApiError {
  const tried = `Cannot add node "${node}"`;
  const helps = `start it with the cluster's id and token and with --join, or --peers that name the nodes that run`;
  if (address === undefined) {
    return refused(
      "node-unreachable",
      `${tried}: no link to it; give its address (HOST:PORT of its --listen), and ${helps}`,
    );
  }
  return refused("node-unreachable", `${tried}: it did not link from ${address} within ${waitedMs / 1000} s; ${helps}`);
}

function unreachable(node: string, verb: string): ApiError {
  return refused("node-unreachable", `Cannot ${verb} node "${node}": it does not answer`);
}
