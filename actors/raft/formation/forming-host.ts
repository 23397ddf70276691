/**
 * The actor's part while its node belongs to no cluster: carries out what `formation.ts` decides.
 *
 *     mint an id ─ durable ─▶ Formation ─ decision ─ durable ─▶ member
 *
 * Nothing is said in an id's name before the id is on disk, and nothing in a cluster's name before the node belongs to it on
 * disk: an answer given from memory would be forgotten in a crash, and another cluster could be joined after it.
 */
import { EMPTY_LOG, type LoadedLog, type LogWrite } from "../../../runtime/ports/log-store.ts";
import { encodeConfiguration } from "../core/configuration-codec.ts";
import { DEFAULT_RAFT_PREFERENCES } from "../core/raft-options.ts";
import { formingStatus } from "../host-status.ts";
import type { HostPart, HostPorts } from "../host-ports.ts";
import { mintMemberId } from "../member-id.ts";
import { isForged } from "../peer-check.ts";
import type { RaftActorMessage } from "../raft-actor-protocol.ts";
import { refuseRequest } from "../refuse-request.ts";
import { Formation, type FormationDecision, type FormationOutput } from "./formation.ts";

/** What the node has become, durably. */
export interface Joined {
  readonly member: string;
  readonly cluster: string;
  readonly formed: boolean;
  readonly loaded: LoadedLog;
}

interface FormingOptions {
  /** This node's id, where it has one on disk already. */
  readonly member: string | null;
  readonly onJoined: (joined: Joined) => void;
}

const TIMER = "hello";

export class FormingHost implements HostPart {
  readonly #ports: HostPorts;
  readonly #member: string;
  readonly #onJoined: FormingOptions["onJoined"];
  /** Null until the id is on disk. */
  #formation: Formation | null = null;
  /** What the subscriber was told last. */
  #told = "";
  #readOnly = false;

  constructor(ports: HostPorts, { member, onJoined }: FormingOptions) {
    this.#ports = ports;
    this.#member = member ?? mintMemberId(ports.ctx.node, ports.ctx.random);
    this.#onJoined = onJoined;
    if (member !== null) this.#begin();
    else this.#write({ identity: { member: this.#member, cluster: null }, entries: [] }, () => this.#begin());
  }

  handle(message: RaftActorMessage): void {
    switch (message.type) {
      case "hello":
      case "hello-answer":
      case "peer":
        this.#hear(message);
        return;
      case "status":
        return this.#ports.ctx.tell(
          message.replyTo,
          formingStatus({
            self: this.#member,
            node: this.#ports.ctx.node,
            membership: this.#formation?.state ?? "forming",
            preferences: { ...DEFAULT_RAFT_PREFERENCES, ...this.#ports.options.preferences },
            readOnly: this.#readOnly,
          }),
        );
      default:
        refuseRequest(message, "no-leader", this.#describe(), this.#ports);
    }
  }

  lost(): void {}

  onRoom(hasRoom: boolean): void {
    this.#readOnly = !hasRoom;
  }

  stop(): void {
    this.#ports.ctx.cancelTimer(TIMER);
  }

  /** Nothing forged is counted before there is a member; who belongs to a cluster refuses and counts it. */
  #hear(message: Extract<RaftActorMessage, { readonly type: "hello" | "hello-answer" | "peer" }>): void {
    const formation = this.#formation;
    if (formation === null || isForged(message.from, this.#ports.ctx.senderNode)) return;
    this.#carryOut(message.type === "peer" ? formation.onMember(message) : formation.onMessage(message));
  }

  #begin(): void {
    const { options, ctx } = this.#ports;
    this.#formation = new Formation({
      self: this.#member,
      voters: options.voters,
      random: ctx.random,
      nowMs: ctx.now(),
    });
    this.#onTimeout(this.#formation);
  }

  #onTimeout(formation: Formation): void {
    this.#carryOut(formation.onTimeout(this.#ports.ctx.now()));
    this.#tellState(formation);
    const atMs = formation.nextDeadlineMs();
    if (atMs === Infinity) return;
    const delayMs = Math.max(0, atMs - this.#ports.ctx.now());
    this.#ports.later(TIMER, delayMs, () => this.#onTimeout(formation));
  }

  #carryOut({ messages, decision }: FormationOutput): void {
    for (const { to, message } of messages) this.#ports.peers.tell(to, message);
    if (decision !== null) this.#decided(decision);
  }

  #decided({ cluster, birth, formed }: FormationDecision): void {
    const identity = { member: this.#member, cluster };
    const hardState = { term: 1, vote: null, commit: 1 };
    const write: LogWrite =
      birth === null
        ? { identity, entries: [] }
        : {
            identity,
            hardState,
            entries: [{ index: 1, term: 1, type: "configuration", payload: encodeConfiguration(birth) }],
          };
    this.stop();
    this.#write(write, () => this.#onJoined({ ...identity, formed, loaded: { ...EMPTY_LOG, ...write } }));
  }

  #write(write: LogWrite, then: () => void): void {
    const { options, turn, fail } = this.#ports;
    options.store.append(
      write,
      turn((error) => (error ? fail(error) : then())),
    );
  }

  #tellState(formation: Formation): void {
    const message = formation.describe();
    if (message === this.#told) return;
    this.#told = message;
    this.#ports.tell({ type: "membership", membership: formation.state, cluster: null, message });
  }

  #describe(): string {
    return this.#formation?.describe() ?? `node "${this.#ports.ctx.node}" is starting`;
  }
}
