/**
 * Requests to change who belongs and who leads: carried out where the leader is, forwarded to it like proposals elsewhere.
 *
 * Operators name nodes; the core knows members. A name becomes the id of the one member of that node, or, to add it, of the node of
 * that name that waits to be added: whoever said hello here lately and belongs to no cluster.
 */
import type { Context } from "../../runtime/context.ts";
import { allMembers, type Configuration } from "./core/configuration.ts";
import type { RaftCore } from "./core/raft-core.ts";
import type { ChangeMembershipResult, MembershipChange } from "./core/ready.ts";
import { incarnationOf, nodeOf } from "./member-id.ts";
import type { Peers } from "./peers.ts";
import { FORWARDS_MAX } from "./proposals.ts";
import type { RaftActorMessage, RaftChangeMembership, RaftTransfer } from "./raft-actor-protocol.ts";

/** A node that waits says hello every second; one that has not for so long is gone, or was added elsewhere. */
const WAITING_MS = 10_000;

/** Nodes that wait and are remembered; far more than anybody adds at once. */
const WAITING_MAX = 64;

export class MembershipRequests {
  readonly #ctx: Context<RaftActorMessage>;
  readonly #peers: Peers;
  /** By member id: when it last said hello. */
  readonly #hellos = new Map<string, number>();

  constructor(ctx: Context<RaftActorMessage>, peers: Peers) {
    this.#ctx = ctx;
    this.#peers = peers;
  }

  /** A node that belongs to no cluster has said hello. */
  onHello(member: string): void {
    this.#hellos.delete(member);
    this.#hellos.set(member, this.#ctx.now());
    const [oldest] = this.#hellos.keys();
    if (this.#hellos.size > WAITING_MAX && oldest !== undefined) this.#hellos.delete(oldest);
  }

  /** Ids of nodes that wait to be added. */
  waiting(configuration: Configuration): readonly string[] {
    const members = new Set(allMembers(configuration));
    const sinceMs = this.#ctx.now() - WAITING_MS;
    return [...this.#hellos]
      .filter(([id, atMs]) => atMs >= sinceMs && !members.has(id))
      .map(([id]) => id)
      .toSorted();
  }

  change(core: RaftCore, message: RaftChangeMembership): void {
    const { configuration } = core.status().configuration;
    const resolved = this.#resolve(configuration, message.change);
    const result =
      typeof resolved === "string" ? refused(core, resolved) : core.changeMembership(resolved, this.#ctx.now());
    if (result.ok || !this.#forward(result.code, result.leader, message)) {
      this.#ctx.tell(
        message.replyTo,
        result.ok ? result : { ...result, leader: result.leader && nodeOf(result.leader) },
      );
    }
  }

  transfer(core: RaftCore, message: RaftTransfer): void {
    const { configuration } = core.status().configuration;
    const to = message.to === null ? null : (memberNamed(configuration, message.to) ?? message.to);
    const result = core.transferLeadership(to, message.force, this.#ctx.now());
    if (result.ok || !this.#forward(result.code, result.leader, message)) {
      this.#ctx.tell(
        message.replyTo,
        result.ok ? result : { ...result, leader: result.leader && nodeOf(result.leader) },
      );
    }
  }

  #forward(code: string, leader: string | null, message: RaftChangeMembership | RaftTransfer): boolean {
    const hops = message.hops ?? 0;
    if (code !== "not-leader" || leader === null || hops >= FORWARDS_MAX) return false;
    this.#peers.tell(leader, { ...message, hops: hops + 1 });
    return true;
  }

  /** The change with an id in place of a name; text says why there is none. A name that means nobody goes to the core as it is. */
  #resolve(configuration: Configuration, change: MembershipChange): MembershipChange | string {
    const { member } = change;
    if (incarnationOf(member) !== "") return change;
    if (change.type !== "add-learner") return { ...change, member: memberNamed(configuration, member) ?? member };
    const [found, ...others] = this.waiting(configuration).filter((id) => nodeOf(id) === member);
    if (found !== undefined && others.length === 0) return { ...change, member: found };
    const why =
      found === undefined
        ? "no node of that name has said hello lately"
        : `several have: ${[found, ...others].join(", ")}`;
    return `Cannot add "${member}" as a learner: ${why}. Start it with this node among its peers, or name it as NAME@INCARNATION`;
  }
}

/** The member that a name means: an id, or the only member of a node. */
function memberNamed(configuration: Configuration, name: string): string | undefined {
  const members = allMembers(configuration);
  if (members.includes(name)) return name;
  const ofNode = members.filter((member) => nodeOf(member) === name);
  return ofNode.length === 1 ? ofNode[0] : undefined;
}

function refused(core: RaftCore, message: string): ChangeMembershipResult {
  const { leader, self } = core.status();
  // A follower may not have heard the hello; the leader may have.
  if (leader !== null && leader !== self) return { ok: false, code: "not-leader", message, leader };
  return { ok: false, code: "not-a-member", message, leader };
}
