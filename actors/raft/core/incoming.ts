/**
 * Messages on their way in: what is looked at at all, what its term means, and whom it concerns.
 *
 * The rule of terms (Raft §5.1): an earlier one is answered with the own or not at all, a later one is entered first. Polls are the
 * exception, since they ask about a term that nobody has entered; and a request for votes that is to be ignored moves no term.
 */
import type { Elections } from "./elections.ts";
import { Follower } from "./follower.ts";
import { Leader } from "./leader.ts";
import type { Member } from "./member.ts";
import { messageFault } from "./message-check.ts";
import type { RaftMessage } from "./messages.ts";
import type { Ready, SnapshotMessage } from "./ready.ts";

type Answer = Extract<
  RaftMessage,
  { type: "append-response" | "heartbeat-response" | "read-request" | "read-response" | "snapshot-report" }
>;

export class Incoming {
  readonly #member: Member;
  readonly #elections: Elections;
  #snapshotTraffic: { readonly from: string; readonly message: SnapshotMessage }[] = [];

  constructor(member: Member, elections: Elections) {
    this.#member = member;
    this.#elections = elections;
  }

  /** From another member. What no member sends is counted and not looked at. */
  receive(from: string, message: RaftMessage, nowMs: number): void {
    const fault = messageFault(message, this.#member);
    if (fault === null) this.take(from, message, nowMs);
    else this.#member.refusals.count(fault);
  }

  take(from: string, message: RaftMessage, nowMs: number): void {
    const elections = this.#elections;
    const { term } = this.#member;
    if (message.term < term) return elections.onEarlierTerm(from, message);
    if (message.type === "pre-vote-request") return elections.onPreVoteRequest(from, message, nowMs);
    if (message.type === "pre-vote-response" && message.granted) {
      return elections.onPreVoteResponse(from, message, nowMs);
    }
    if (message.term > term) {
      const isAsked = message.type === "vote-request" || message.type === "log-request";
      if (isAsked && elections.ignores(message, nowMs)) return;
      elections.enterTerm(message.term, nowMs);
    }
    switch (message.type) {
      case "vote-request":
        return elections.onVoteRequest(from, message, nowMs);
      case "vote-response":
        return elections.onVoteResponse(from, message, nowMs);
      case "pre-vote-response":
        return elections.onPreVoteResponse(from, message, nowMs);
      case "timeout-now":
        return elections.onTimeoutNow(from, message, nowMs);
      case "append":
        return elections.follow(from, nowMs)?.onAppend(from, message, nowMs);
      case "heartbeat":
        return elections.follow(from, nowMs)?.onHeartbeat(from, message, nowMs);
      case "commit":
        return elections.follow(from, nowMs)?.onCommitNotice(message, nowMs);
      case "snapshot-offer":
        if (elections.follow(from, nowMs)?.onSnapshotOffer(from, message, nowMs) === "wanted") {
          this.#snapshotTraffic.push({ from, message });
        }
        return;
      case "snapshot-part": {
        const follower = elections.follow(from, nowMs);
        follower?.onSnapshotPart(nowMs);
        if (follower) this.#snapshotTraffic.push({ from, message });
        return;
      }
      case "log-request":
        return elections.onLogRequest(from, message, nowMs);
      case "log-part":
        return elections.onLogPart(from, message, nowMs);
      case "newer-term":
        return;
      default:
        return this.#takeAnswer(from, message, nowMs);
    }
  }

  takeSnapshotTraffic(): Ready["snapshotTraffic"] {
    const traffic = this.#snapshotTraffic;
    if (traffic.length > 0) this.#snapshotTraffic = [];
    return traffic;
  }

  /** Answers to a leader, reads, and what a leader answers to them. One that comes after the leader has stepped down is late. */
  #takeAnswer(from: string, message: Answer, nowMs: number): void {
    const { role } = this.#elections;
    if (message.type === "read-response") {
      if (role instanceof Follower && from === role.leader) role.onReadResponse(message);
      else this.#member.refusals.count("not-from-leader");
      return;
    }
    if (!(role instanceof Leader)) {
      if (message.type !== "read-request") return;
      const { term } = this.#member;
      return this.#member.send(from, { type: "read-response", term, token: message.token, index: null });
    }
    switch (message.type) {
      case "append-response":
        return role.onAppendResponse(from, message, nowMs);
      case "heartbeat-response":
        return role.onHeartbeatResponse(from, message, nowMs);
      case "read-request":
        return role.onReadRequest(from, message, nowMs);
      case "snapshot-report":
        if (role.onSnapshotReport(from, nowMs)) this.#snapshotTraffic.push({ from, message });
        return;
      default:
        return message satisfies never;
    }
  }
}
