/**
 * Draws the blows at clocks, and keeps them within what the software states about clocks, or steps outside of it on purpose.
 *
 * The statement: no clock outruns another by more than 1 %, and a guard has 250 ms from its deadline on (docs/decisions/0008-leases.md; sessions
 * stand on the same, 0015). With rates that are at most 0.45 % off, a lease of 6 s keeps 254 ms of that for a holder whose clock stands
 * still; so it may for 150 ms in all within 7 s. Reads under leases (`actors/raft/core/read-lease.ts`) state a rate and no pause: where they are
 * on, no clock is frozen. The wall clock labels what people read, and may be anything.
 */
import type { Random } from "../../runtime/index.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { DRIFT_MAX } from "../timeline/virtual-clock.ts";
import type { BlowMaker } from "./blow-maker.ts";
import { logUniform } from "./log-uniform.ts";

/** So long clocks may stand still in any such time: longer than a lease and all that is added to it. */
const FREEZE_US = { min: 1000, max: 150_000, withinUs: 7_000_000 } as const;

/** A step of the wall clock: from what NTP sets at once to what a wrong year takes. */
const STEP_MS = { min: 1, max: 400 * 86_400_000 } as const;

/** By what factor a clock outside of the bound is too fast or too slow. */
const UNBOUND_FACTOR = { min: 1.05, max: 4 } as const;

/** For so long it is: about a lease, and some. And the share of those whose node is cut off for twice that. */
const UNBOUND_US = { min: 1_000_000, max: 15_000_000 } as const;
const UNBOUND_CUT = 0.7;

type Victim = Pick<SimNode, "index">;

/** What it needs of who makes blows. */
type Blows = Pick<BlowMaker, "strike" | "drawUs" | "partition">;

export class ClockBlowMaker {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #blows: Blows;
  /** When the clocks of nodes stood still, and for how long. */
  #frozen: { readonly node: number; readonly atUs: number; readonly lengthUs: number }[] = [];

  constructor(timeline: Timeline, random: Random, blows: Blows) {
    this.#timeline = timeline;
    this.#random = random;
    this.#blows = blows;
  }

  stepWall({ index: node }: Victim): boolean {
    const byMs = Math.round(logUniform(this.#random, STEP_MS.min, STEP_MS.max));
    return this.#blows.strike({ type: "wall-step", node, byMs: this.#random.next() < 0.5 ? byMs : -byMs });
  }

  /** False when that clock has stood still for as long as it may. */
  freeze({ index: node }: Victim): boolean {
    const { nowUs } = this.#timeline;
    const lengthUs = Math.round(logUniform(this.#random, FREEZE_US.min, FREEZE_US.max));
    this.#frozen = this.#frozen.filter(({ atUs }) => atUs > nowUs - FREEZE_US.withinUs);
    const before = this.#frozen.filter((one) => one.node === node).reduce((sum, one) => sum + one.lengthUs, 0);
    if (before + lengthUs > FREEZE_US.max) return false;
    this.#frozen.push({ node, atUs: nowUs, lengthUs });
    return this.#blows.strike({ type: "clock-freeze", node, durationUs: lengthUs });
  }

  drift({ index: node }: Victim): boolean {
    const rate = 1 + DRIFT_MAX * (2 * this.#random.next() - 1);
    return this.#blows.strike({ type: "clock-drift", node, rate, durationUs: this.#blows.drawUs() });
  }

  /**
   * Outside of what is stated: what stands on leases alone breaks. A clock that is wrong does harm where its node cannot renew, so most of the time nobody
   * hears it meanwhile.
   */
  unbind({ index: node }: Victim): boolean {
    const durationUs = UNBOUND_US.min + this.#random.integer(UNBOUND_US.max - UNBOUND_US.min);
    if (this.#random.next() < UNBOUND_CUT) this.#blows.partition(new Set([node]), 2 * durationUs);
    if (this.#random.next() < 0.5) return this.#blows.strike({ type: "clock-freeze", node, durationUs });
    const factor = logUniform(this.#random, UNBOUND_FACTOR.min, UNBOUND_FACTOR.max);
    const rate = this.#random.next() < 0.5 ? factor : 1 / factor;
    return this.#blows.strike({ type: "clock-drift", node, rate, durationUs });
  }
}
