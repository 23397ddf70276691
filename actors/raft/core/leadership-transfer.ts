/**
 * Handing leadership over (Ongaro's dissertation §3.10): the leader takes no more proposals, waits until the one that is to lead
 * has all of its log, and tells it to campaign at once. That one needs no poll, and voters who hear this leader may vote for
 * it all the same, since the leader itself asks for it.
 *
 * It is given up after the longest election timeout: then the leader takes proposals again. `force` does not wait for the log;
 * a member that lacks entries then loses its election, and somebody who has them wins a later one. Nothing is lost either way.
 */
import { isVoter } from "./configuration.ts";
import { leftMs, type Essence } from "./essence.ts";
import type { Member } from "./member.ts";
import type { TransferResult } from "./ready.ts";

/** What a leader knows of whom it could hand over to. */
export interface SuccessorView {
  readonly node: string;
  readonly match: number;
  readonly heardAtMs: number;
  readonly priority: number;
}

export class LeadershipTransfer {
  readonly to: string;
  readonly #force: boolean;
  readonly #deadlineMs: number;
  #isAsked = false;

  private constructor(to: string, force: boolean, deadlineMs: number) {
    this.to = to;
    this.#force = force;
    this.#deadlineMs = deadlineMs;
  }

  /** Checks whether leadership can go `to` that member; null: to the best, and to `avoid`, whom it was in vain, only if there is nobody else. */
  static begin(
    member: Member,
    to: string | null,
    options: {
      readonly force: boolean;
      readonly peers: Iterable<SuccessorView>;
      readonly avoid: string | null;
      readonly nowMs: number;
    },
  ): LeadershipTransfer | Exclude<TransferResult, { ok: true }> {
    const { configuration, self, timing } = member;
    const { force, nowMs } = options;
    const heardSinceMs = nowMs - timing.electionTimeoutMinMs;
    const voters = [...options.peers].filter(({ node }) => configuration.voters.includes(node));
    const heard = voters.filter(({ heardAtMs }) => heardAtMs > heardSinceMs);
    const refuse = (code: "not-a-voter" | "unreachable", message: string): Exclude<TransferResult, { ok: true }> => ({
      ok: false,
      code,
      message,
      leader: self,
    });
    if (to === null) {
      const inVain = ({ node }: SuccessorView): number => (node === options.avoid ? 1 : 0);
      const [best] = heard.toSorted((a, b) => inVain(a) - inVain(b) || b.priority - a.priority || b.match - a.match);
      if (!best)
        return refuse("unreachable", "Cannot hand leadership over: no other voter was heard lately. Start one");
      return new LeadershipTransfer(best.node, force, nowMs + timing.electionTimeoutMaxMs);
    }
    const what = `Cannot hand leadership over to "${to}"`;
    if (!voters.some(({ node }) => node === to)) {
      const part = isVoter(configuration, to) ? "is being removed" : "is no voter";
      return refuse("not-a-voter", `${what}: it ${part}. Voters: ${configuration.voters.join(", ")}`);
    }
    if (!force && !heard.some(({ node }) => node === to)) {
      return refuse(
        "unreachable",
        `${what}: it was not heard for ${timing.electionTimeoutMinMs} ms. Start it, or choose another`,
      );
    }
    return new LeadershipTransfer(to, force, nowMs + timing.electionTimeoutMaxMs);
  }

  /** True once: when the successor has all of the log, and is to be told. */
  isDue(match: number, lastIndex: number): boolean {
    if (this.#isAsked || (match < lastIndex && !this.#force)) return false;
    this.#isAsked = true;
    return true;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#deadlineMs;
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    return [this.to, this.#force, leftMs(this.#deadlineMs, nowMs), this.#isAsked];
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }
}
