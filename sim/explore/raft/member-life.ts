/** A core, the clock of its member, and one input after the other. */
import { EMPTY_CONFIGURATION, RaftCore, type RaftRules, type Ready } from "../../../actors/raft/index.ts";
import type { Random } from "../../../runtime/index.ts";
import type { Letters } from "./letters.ts";
import { load, type MemberDisk } from "./member-disk.ts";
import type { MemberInput } from "./member-input.ts";

/**
 * The smallest times in which everything that is told apart in production happens apart, and in the same order: a leader sends heartbeats and tries
 * again before it gives up; a follower doubts its leader before it campaigns; one whose disk is slow campaigns before it counts as stuck.
 */
const TIMING = {
  electionTimeoutMinMs: 1,
  electionTimeoutMaxMs: 3,
  heartbeatMs: 1,
  successionMs: 1,
  appendRetryMs: 2,
  snapshotStalledMs: 1000,
} as const;

/** How long a `lapse` takes. */
export const LAPSE_MS = 1;

/** Timeouts are choices of the explorer, so nothing is drawn: the middle of each range, 2 ms for an election. */
const UNDRAWN: Random = { next: () => 0.5, integer: (bound) => Math.floor(bound / 2), fork: () => UNDRAWN };

export interface MemberLifeOptions {
  /** Its place among the members. */
  readonly self: number;
  readonly disk: MemberDisk;
  readonly members: readonly string[];
  readonly letters: Letters;
  readonly rules: RaftRules;
}

export class MemberLife {
  readonly core: RaftCore;
  readonly #members: readonly string[];
  readonly #letters: Letters;
  #nowMs = 0;
  /** Of the write under way. */
  #token: number | null = null;

  constructor({ self, disk, members, letters, rules }: MemberLifeOptions) {
    this.#members = members;
    this.#letters = letters;
    this.core = new RaftCore({
      self: members[self] as string,
      configuration: EMPTY_CONFIGURATION,
      loaded: load(disk),
      random: UNDRAWN,
      nowMs: 0,
      timing: TIMING,
      // What a leader refuses depends on how long it has waited, which would tell states apart that are otherwise equal.
      limits: { uncommittedMsMax: Infinity },
      rules,
    });
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  takeReady(): Ready {
    const ready = this.core.takeReady(this.#nowMs);
    this.#token = ready.write?.token ?? this.#token;
    return ready;
  }

  /** Null: it cannot happen, and nothing has. @throws what the core throws, which has stopped then. */
  step(input: Exclude<MemberInput, { type: "restart" }>): Ready | null {
    const { core } = this;
    switch (input.type) {
      case "deliver": {
        const { from, message } = this.#letters.get(input.letter);
        core.step({ type: "message", from: this.#members[from] as string, message }, this.#nowMs);
        break;
      }
      case "timeout":
        this.#nowMs = Math.max(this.#nowMs, core.nextDeadlineMs());
        core.step({ type: "timeout" }, this.#nowMs);
        break;
      case "lapse":
        this.#nowMs += LAPSE_MS;
        break;
      case "persisted":
        if (this.#token === null) return null;
        core.step({ type: "persisted", token: this.#token }, this.#nowMs);
        this.#token = null;
        break;
      case "propose":
        if (!core.propose([Uint8Array.of(input.command)], this.#nowMs).ok) return null;
        break;
      case "change":
        if (!core.changeMembership(input.change, this.#nowMs).ok) return null;
        break;
      default:
        return input satisfies never;
    }
    return this.takeReady();
  }
}
