/**
 * Tells what a member does, action by action, by looking at its core before and after each step. Made only when somebody listens.
 *
 * What a step has put into the log is found by comparing terms from the end: two logs that agree in the term at an index agree in
 * everything before it (Raft §5.3), so the walk ends at the first equal one.
 */
import type { LogEntry } from "../../runtime/ports/log-store.ts";
import type { RaftMessage } from "./core/messages.ts";
import type { RaftView } from "./core/raft-core.ts";
import type { RaftInput } from "./core/raft-input.ts";
import type { RaftStatus } from "./core/ready.ts";
import type { TraceAction, TracedMessage, TraceEntry, TraceEvent, TraceMessage } from "./trace.ts";

export interface TracerOptions {
  readonly view: RaftView;
  readonly cluster: string;
  now(): number;
  listen(event: TraceEvent): void;
}

type Details = Pick<TraceEvent, "received" | "sent">;

const HANDLED: Readonly<Partial<Record<RaftMessage["type"], TraceAction>>> = {
  "vote-request": "HandleRequestVoteRequest",
  "vote-response": "HandleRequestVoteResponse",
  append: "HandleAppendEntriesRequest",
  heartbeat: "HandleAppendEntriesRequest",
  commit: "HandleAppendEntriesRequest",
  "append-response": "HandleAppendEntriesResponse",
  "heartbeat-response": "HandleAppendEntriesResponse",
};

const SENT: Readonly<Partial<Record<RaftMessage["type"], TraceAction>>> = {
  "vote-request": "RequestVote",
  append: "AppendEntries",
  heartbeat: "AppendEntries",
};

export class Tracer {
  readonly #options: TracerOptions;
  #number = 0;
  #before: RaftStatus;
  /** Terms of the log as it was told, by index. */
  readonly #terms = new Map<number, number>();

  /** Tells `Restart`, with all of the log. */
  constructor(options: TracerOptions) {
    this.#options = options;
    this.#before = { ...options.view.status(), lastIndex: options.view.status().base };
    this.#tell("Restart", {});
  }

  /** A step without a message has ended. */
  stepped(action: "Timeout" | "ChangeConfiguration" | "Persist" | "InstallSnapshot"): void {
    const { role, term } = this.#options.view.status();
    const { role: before, term: termBefore } = this.#before;
    // A timer that is early, or only for heartbeats, is no action of the specification.
    const isIdle = action === "Timeout" && (before === "leader" || (role === before && term === termBefore));
    if (!isIdle) this.#tell(action, {});
    this.#follow();
  }

  /** What waited to be proposed has been. Tells of it only if it is in the log. */
  proposed(): void {
    if (this.#options.view.status().lastIndex > this.#before.lastIndex) this.#tell("ClientRequest", {});
    this.#follow();
  }

  received(received: { readonly from: string; readonly to: string; readonly message: RaftMessage }): void {
    this.#tell(HANDLED[received.message.type] ?? "Receive", { received: traced(received) });
    this.#follow();
  }

  dropped(received: { readonly from: string; readonly to: string; readonly message: RaftMessage }): void {
    this.#tell("DropMessage", { received: traced(received) });
  }

  sent(message: { readonly from: string; readonly to: string; readonly message: RaftMessage }): void {
    this.#tell(SENT[message.message.type] ?? "Send", { sent: traced(message) });
  }

  /** What else the step, or what follows from several of them, has come to. */
  follow(): void {
    this.#follow();
  }

  #follow(): void {
    const status = this.#options.view.status();
    const told = this.#before;
    if (status.role === "leader" && (told.role !== "leader" || told.term !== status.term))
      this.#tell("BecomeLeader", {});
    else if (told.role === "leader" && status.role !== "leader") this.#tell("StepDown", {});
    if (status.commit !== told.commit) this.#tell("AdvanceCommitIndex", {});
    this.#before = status;
  }

  #tell(action: TraceAction, details: Details): void {
    const status = this.#options.view.status();
    const appended = this.#takeAppended(status);
    this.#number += 1;
    this.#options.listen({
      number: this.#number,
      atMs: this.#options.now(),
      member: status.self,
      cluster: this.#options.cluster,
      action,
      term: status.term,
      role: status.role,
      leader: status.leader,
      vote: status.vote,
      commit: status.commit,
      durable: status.durable,
      last: { index: status.lastIndex, term: status.lastTerm },
      base: status.base,
      configuration: status.configuration.configuration,
      configurationIndex: status.configuration.index,
      ...(appended.length > 0 && { appended }),
      ...details,
    });
  }

  #takeAppended({ lastIndex, base }: RaftStatus): readonly TraceEntry[] {
    const { view } = this.#options;
    let from = lastIndex;
    while (from > base && this.#terms.get(from) !== view.termAt(from)) from -= 1;
    const appended = view.entries(from + 1, lastIndex).map(withoutPayload);
    for (const { index, term } of appended) this.#terms.set(index, term);
    for (const index of this.#terms.keys()) if (index <= base || index > lastIndex) this.#terms.delete(index);
    return appended;
  }
}

function withoutPayload({ index, term, type }: LogEntry): TraceEntry {
  return { index, term, type };
}

function traced({
  from,
  to,
  message,
}: TraceMessage | { from: string; to: string; message: RaftMessage }): TraceMessage {
  const fields: Record<string, unknown> = { ...message };
  if (Array.isArray(fields["entries"])) fields["entries"] = (fields["entries"] as LogEntry[]).map(withoutPayload);
  delete fields["bytes"];
  if (message.type === "snapshot-offer") {
    const { id, index, term, chunks, sizeBytes } = (message as Extract<RaftMessage, { type: "snapshot-offer" }>)
      .snapshot;
    fields["snapshot"] = { id, index, term, chunks, sizeBytes };
  }
  return { from, to, message: fields as TracedMessage };
}

/** Tells of a step by what went into it. Reads, and what is known of links and disks, are no actions. */
export function traceStep(tracer: Tracer, input: RaftInput): void {
  switch (input.type) {
    case "timeout":
    case "link-lost":
      return tracer.stepped("Timeout");
    case "persisted":
      return tracer.stepped("Persist");
    case "snapshot-received":
      return tracer.stepped("InstallSnapshot");
    default:
      // A message is told by `received`.
      return;
  }
}
