/**
 * What the Raft actor holds: what was read from disk, and then one of two parts, a node that looks for its cluster
 * (`formation/forming-host.ts`) or a member of one (`member-host.ts`).
 *
 *     load ─┬─ belongs to a cluster ────────────────────────────────▶ member
 *           └─ empty disk ─▶ forming ─▶ identity and birth durable ──▶ member
 *
 * The stores answer by messages, so no handler waits. After a failed write or load it answers nothing but refusals, since it
 * could not keep its word (faults 3 and 22).
 */
import type { Context } from "../../runtime/context.ts";
import { StoreError } from "../../runtime/ports/store-error.ts";
import { FormingHost } from "./formation/forming-host.ts";
import type { HostPart, HostPorts } from "./host-ports.ts";
import { MemberHost } from "./member-host.ts";
import { loadMember, type MemberStart } from "./member-start.ts";
import { Peers } from "./peers.ts";
import type { RaftActorMessage } from "./raft-actor-protocol.ts";
import type { RaftActorOptions } from "./raft-actor-options.ts";
import { refuseRequest } from "./refuse-request.ts";

/** The state of the Raft actor. Nothing of it is for others. */
export class RaftHost {
  readonly #ports: HostPorts;
  #part: HostPart | null = null;
  #hasRoom = true;
  #failed = false;

  constructor(options: RaftActorOptions, ctx: Context<RaftActorMessage>) {
    this.#ports = {
      options,
      ctx,
      peers: new Peers(ctx, options.path ?? "raft"),
      tell: (event) => ctx.tell(options.subscriber, event),
      turn: (then) => ctx.callback((value) => ({ type: "resume", run: () => then(value) })),
      later: (key, delayMs, then) => ctx.setTimer(key, delayMs, { type: "resume", run: then }),
      fail: (error) => this.#fail(error),
    };
  }

  start(): void {
    const { options, ctx, turn } = this.#ports;
    try {
      const start = loadMember(ctx.node, options.store, options.snapshots);
      this.#tellFindings(start);
      options.store.onRoom(turn((hasRoom) => this.#onRoom(hasRoom)));
      this.#begin(start);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#fail(error);
    }
  }

  handle(message: RaftActorMessage): void {
    if (message.type === "resume") {
      if (!this.#failed) message.run();
    } else if (this.#part !== null && (!this.#failed || message.type === "status")) {
      this.#part.handle(message);
    } else {
      refuseRequest(
        message,
        "store-failed",
        "its store has failed; restart the node, or replace its data folder",
        this.#ports,
      );
    }
  }

  lost(node: string): void {
    if (!this.#failed) this.#part?.lost(node);
  }

  #begin(start: MemberStart): void {
    const { identity } = start.loaded;
    if (identity !== null && identity.cluster !== null) {
      this.#part = new MemberHost(this.#ports, start, { ...identity, cluster: identity.cluster });
      return;
    }
    this.#part = new FormingHost(this.#ports, {
      member: identity?.member ?? null,
      onJoined: ({ formed, loaded, ...identified }) => {
        const member = new MemberHost(this.#ports, { ...start, loaded }, identified);
        this.#part = member;
        if (!this.#hasRoom) member.onRoom(false);
        if (formed) member.announce();
      },
    });
  }

  #onRoom(hasRoom: boolean): void {
    this.#hasRoom = hasRoom;
    this.#ports.tell({ type: "read-only", readOnly: !hasRoom });
    this.#part?.onRoom(hasRoom);
  }

  #tellFindings({ loaded, snapshots }: MemberStart): void {
    const { tell, ctx } = this.#ports;
    const repairs = [...loaded.repairs, ...snapshots.repairs];
    if (repairs.length > 0) tell({ type: "store-repaired", repairs });
    if (loaded.damage === null) return;
    const { fromIndex, message } = loaded.damage;
    const what = `The log of node "${ctx.node}" cannot be read from index ${fromIndex} on: ${message}`;
    const means = "it takes these entries from the leader again, and does not vote until then";
    tell({ type: "store-damaged", fromIndex, message: `${what}; ${means}` });
  }

  #fail(error: StoreError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#part?.stop();
    this.#ports.tell({ type: "store-failed", error });
  }
}
