/** The API's way to this node's replica: asks it, and turns what it refuses into API errors. */
import type {
  Command,
  Outcome,
  ProposeReply,
  Query,
  ReadReply,
  RefusalCode,
  ReplicaRequest,
  ReplicaStatus,
  Unavailable,
} from "../actors/index.ts";
import type { ActorSystem, Ref } from "../runtime/index.ts";
import { apiError, type ApiError, type ApiErrorCode } from "./api-error.ts";
import type { ApiLimits } from "./limits.ts";

/** How much longer than the replica's own limit the API waits for its answer: a turn or two of a busy node. */
const ANSWER_GRACE_MS = 500;

const REFUSALS: Readonly<Record<RefusalCode, ApiErrorCode>> = {
  "not-found": "not-found",
  "already-exists": "already-exists",
  conflict: "conflict",
  stale: "conflict",
  invalid: "invalid",
};

export class ReplicaGateway {
  readonly ref: Ref<ReplicaRequest>;
  readonly #system: ActorSystem;
  readonly #limits: ApiLimits;

  constructor(system: ActorSystem, ref: Ref<ReplicaRequest>, limits: ApiLimits) {
    this.#system = system;
    this.ref = ref;
    this.#limits = limits;
  }

  /** @throws {ApiError} when the replica is unavailable. */
  async read(query: Query): Promise<Extract<ReadReply, { ok: true }>> {
    const timeoutMs = this.#limits.readMs;
    const result = await this.#system.ask<ReplicaRequest, ReadReply>(
      this.ref,
      (replyTo) => ({ type: "read", query, timeoutMs, replyTo }),
      { timeoutMs: timeoutMs + ANSWER_GRACE_MS },
    );
    if (!result.ok) throw silent(this.#system.node);
    if (!result.answer.ok) throw apiError(result.answer.code, result.answer.message);
    return result.answer;
  }

  /** @throws {ApiError} when the command is refused, or when nothing is known of its fate. */
  async propose(command: Command): Promise<Extract<Outcome, { ok: true }>> {
    const timeoutMs = this.#limits.writeMs;
    const result = await this.#system.ask<ReplicaRequest, ProposeReply>(
      this.ref,
      (replyTo) => ({ type: "propose", command, timeoutMs, replyTo }),
      { timeoutMs: timeoutMs + ANSWER_GRACE_MS },
    );
    if (!result.ok) throw silent(this.#system.node, { fate: "unknown" });
    if (!result.answer.ok) throw failedWrite(result.answer);
    const { outcome } = result.answer;
    if (!outcome.ok) throw apiError(REFUSALS[outcome.code], outcome.message);
    return outcome;
  }

  /** @throws {ApiError} `no-answer`. */
  async status(): Promise<ReplicaStatus> {
    const result = await this.#system.ask<ReplicaRequest, ReplicaStatus>(
      this.ref,
      (replyTo) => ({ type: "status", replyTo }),
      { timeoutMs: this.#limits.readMs },
    );
    if (!result.ok) throw silent(this.#system.node);
    return result.answer;
  }
}

/** Only `overloaded` is said before anything was proposed; see `Unavailable`. */
function failedWrite({ code, message, retryAfterMs }: Unavailable): ApiError {
  const fate = code === "overloaded" ? "not-applied" : "unknown";
  return apiError(code, message, { fate, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

function silent(node: string, details: { fate?: "unknown" } = {}): ApiError {
  return apiError("no-answer", `The replica of node "${node}" does not answer; ask another node`, details);
}
