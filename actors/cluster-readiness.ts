/**
 * Waits, for whoever is outside of actors, until a node can use its cluster: it is linked with a majority, and its replica
 * has a read confirmed by a leader. One actor for each wait; it ends with its answer.
 */
import type { AskResult, Behavior, Context, LinkEvent, Ref } from "../runtime/index.ts";
import { tellListener } from "../runtime/tell-listener.ts";
import type { ReadReply, ReplicaRequest, ReplicaStatus } from "./cluster/replica-protocol.ts";
import type { KnownVoters } from "./cluster/known-voters.ts";
import { LinkedNodes } from "./coordination/linked-nodes.ts";

/** Whether a node can use its cluster, or what is missing. */
export type ClusterReadiness =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** `store-failed`: this node's log cannot be read or kept, so that waiting is of no use. `stopped`: its system is. */
      readonly code: "timeout" | "store-failed" | "stopped";
      /** In words, for people: what is missing. */
      readonly message: string;
    };

export interface ClusterReadinessOptions {
  readonly voters: KnownVoters;
  readonly replica: Ref<ReplicaRequest>;
  readonly timeoutMs: number;
  readonly done: (readiness: ClusterReadiness) => void;
}

type ReadinessMessage =
  | { readonly type: "link"; readonly event: LinkEvent }
  | { readonly type: "read"; readonly result: AskResult<ReadReply> }
  | { readonly type: "read-due" }
  | { readonly type: "time-out" }
  | { readonly type: "status"; readonly result: AskResult<ReplicaStatus> };

/** Pause before a read that this node refused is made again. */
const RETRY_MS = 250;

/** What the replica gets to say why it is not ready. */
const STATUS_MS = 250;

export function clusterReadinessActor(options: ClusterReadinessOptions): Behavior<Readiness, ReadinessMessage> {
  return {
    name: "cluster-readiness",
    // Nobody outside of this actor speaks to it. No message is undefined.
    accepts: (message): message is ReadinessMessage => message === undefined,
    init: (ctx) => new Readiness(options, ctx),
    receive: (readiness, message) => {
      readiness.handle(message);
      return readiness;
    },
    onSignal: (readiness, signal) => {
      if (signal.type === "post-stop") readiness.stopped();
      return readiness;
    },
  };
}

class Readiness {
  readonly #options: ClusterReadinessOptions;
  readonly #ctx: Context<ReadinessMessage>;
  readonly #linked: LinkedNodes;
  #serves = false;
  #isDone = false;

  constructor(options: ClusterReadinessOptions, ctx: Context<ReadinessMessage>) {
    this.#options = options;
    this.#ctx = ctx;
    this.#linked = new LinkedNodes(ctx.node);
    ctx.watchLinks((event) => ({ type: "link", event }));
    ctx.setTimer("time-out", options.timeoutMs, { type: "time-out" });
    this.#read();
  }

  handle(message: ReadinessMessage): void {
    switch (message.type) {
      case "link":
        this.#linked.take(message.event);
        this.#check();
        return;
      case "read":
        this.#onRead(message.result);
        return;
      case "read-due":
        this.#read();
        return;
      case "time-out":
        this.#askStatus();
        return;
      case "status":
        this.#timeOut(message.result);
        return;
      default:
        message satisfies never;
    }
  }

  stopped(): void {
    this.#finish({ ok: false, code: "stopped", message: `Node "${this.#ctx.node}" has stopped before it was ready` });
  }

  /** Any will do: that it is confirmed says that a leader is there, and that this node has what that one had. */
  #read(): void {
    const { replica, timeoutMs } = this.#options;
    const query = { kind: "Node", name: this.#ctx.node, consistency: "linearizable" } as const;
    this.#ctx.ask<ReplicaRequest, ReadReply>(replica, {
      make: (replyTo) => ({ type: "read", query, timeoutMs, replyTo }),
      timeoutMs,
      adapt: (result) => ({ type: "read", result }),
    });
  }

  #onRead(result: AskResult<ReadReply>): void {
    if (result.ok && !result.answer.ok && result.answer.code === "store-failed") {
      this.#finish({ ok: false, code: "store-failed", message: result.answer.message });
      return;
    }
    this.#serves = result.ok && result.answer.ok;
    if (this.#serves) this.#check();
    else this.#ctx.setTimer("read", RETRY_MS, { type: "read-due" });
  }

  #check(): void {
    if (this.#serves && this.#isLinked()) this.#finish({ ok: true });
  }

  #isLinked(): boolean {
    return this.#options.voters.isMajority((node) => this.#linked.has(node));
  }

  #askStatus(): void {
    this.#ctx.ask<ReplicaRequest, ReplicaStatus>(this.#options.replica, {
      make: (replyTo) => ({ type: "status", replyTo }),
      timeoutMs: STATUS_MS,
      adapt: (result) => ({ type: "status", result }),
    });
  }

  #timeOut(status: AskResult<ReplicaStatus>): void {
    const missing = [
      ...(this.#isLinked() ? [] : [this.#missingLinks()]),
      ...(this.#serves ? [] : [missingLeader(status)]),
    ];
    const message = `Node "${this.#ctx.node}" is not ready after ${this.#options.timeoutMs} ms: ${missing.join("; ")}`;
    this.#finish({ ok: false, code: "timeout", message });
  }

  #missingLinks(): string {
    const members = this.#options.voters.names;
    const others = members.filter((node) => node !== this.#ctx.node);
    const absent = others.filter((node) => !this.#linked.has(node)).map((node) => `"${node}"`);
    const wanted = Math.floor(members.length / 2);
    const there = `a link to ${others.length - absent.length} of the ${others.length} other members`;
    return `it has ${there} and needs ${wanted} (none to ${absent.join(", ")})`;
  }

  #finish(readiness: ClusterReadiness): void {
    if (this.#isDone) return;
    this.#isDone = true;
    tellListener(readiness, this.#options.done);
    this.#ctx.stop();
  }
}

function missingLeader(status: AskResult<ReplicaStatus>): string {
  if (!status.ok) return "its replica does not answer";
  const { leader } = status.answer;
  return leader === null ? "no leader is known" : `leader "${leader}" did not confirm that it still leads`;
}
