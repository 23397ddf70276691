/**
 * The heartbeats of a leader: to everybody who has not just heard of it, and been heard, by appends.
 *
 *     due ─┬─ whom an append or a commit index was sent lately, and who has answered lately ─▶ nothing; due again a pause after that was sent
 *          └─ everybody else ─▶ a heartbeat; due again a pause from now
 *
 * So each member hears its leader as often as by heartbeats alone, and in a cluster that always writes there are none. What an answer to an append
 * does not say is what heartbeats stay for: rounds of reads, leases, and that a member is there whose disk is slow (`Progress.needsNoHeartbeat`).
 * Model: openraft, TigerBeetle (etcd sends them whatever else goes). Decision: docs/decisions/0035-fewer-messages.md.
 */
import { leftMs, type Essence } from "./essence.ts";
import type { Member } from "./member.ts";
import type { Heartbeat } from "./messages.ts";
import type { Progress } from "./progress.ts";
import type { Replication } from "./replication.ts";

export class Heartbeats {
  readonly #member: Member;
  readonly #replication: Replication;
  #dueAtMs: number;

  constructor(member: Member, replication: Replication, nowMs: number) {
    this.#member = member;
    this.#replication = replication;
    this.#dueAtMs = nowMs + member.timing.heartbeatMs;
  }

  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** To all, with the newest round of reads. */
  sendToAll(round: number, nowMs: number): void {
    const heartbeat = this.#make(round);
    for (const peer of this.#replication.peers.values()) this.#send(peer, heartbeat, nowMs);
    this.#dueAtMs = nowMs + this.#member.timing.heartbeatMs;
  }

  /** To those who need one. */
  sendDue(round: number, nowMs: number): void {
    const heartbeat = this.#make(round);
    const { heartbeatMs } = this.#member.timing;
    let toldAtMs = nowMs;
    for (const peer of this.#replication.peers.values()) {
      if (peer.needsNoHeartbeat(heartbeat, heartbeatMs, nowMs)) toldAtMs = Math.min(toldAtMs, peer.toldAtMs);
      else this.#send(peer, heartbeat, nowMs);
    }
    this.#dueAtMs = toldAtMs + heartbeatMs;
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    return [leftMs(this.#dueAtMs, nowMs)];
  }

  #make(round: number): Heartbeat {
    const { term, log } = this.#member;
    return { type: "heartbeat", term, commit: log.commit, round };
  }

  #send(peer: Progress, heartbeat: Heartbeat, nowMs: number): void {
    this.#member.send(peer.node, heartbeat);
    peer.toldAtMs = nowMs;
  }
}
