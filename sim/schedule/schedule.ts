/**
 * A schedule: what was done to a cluster in one run, and when, as plain data; so it can be done again, whole or in part.
 *
 * Everything else of a run is still drawn from its seed: delays, the order of turns, what is open about an act. With the blows alone and the
 * load drawn as before, a replay is the recorded run, byte for byte. Once something is left out, all that is drawn later falls otherwise; a
 * shorter run is therefore one that happens to fail, too (`shrink.ts`).
 */
import type { BlowAct } from "./blow.ts";
import type { LoadAct } from "./load-act.ts";
import type { Timeline } from "../timeline/timeline.ts";

/**
 * When an act is done. Of several at one time the tie decides which is first; those with one tie are one event. `leader`: which node led then. Where
 * another one leads when the time comes, the two change places in what is struck, since it matters more who leads than what he is called.
 */
export type ScheduledEvent = (BlowAct | LoadAct) & {
  readonly atUs: number;
  readonly tie: number;
  readonly leader?: number;
};

/** What is done in a run, and when. */
export interface Schedule {
  /** In the order in which they are done. */
  readonly events: readonly ScheduledEvent[];
  /** `drawn`: clients and operator act by themselves, as the seed has it. `scheduled`: they do what events say and nothing else. */
  readonly load: "drawn" | "scheduled";
  /** Ties of the recorded run that who decided upon faults took, by number, ascending; the replay leaves them out. */
  readonly passedOver: readonly number[];
  /** What is done when the time of faults is over, whenever that is: a core is healed, and nothing else ever is. Default: everything is healed. */
  readonly ending?: readonly ScheduledEvent[];
}

/** Writes down what is done in a run. */
export class Recording {
  /** Told of each act, when it is done. Null: nobody else writes it down. */
  onAdd: ((act: BlowAct | LoadAct) => void) | null = null;
  readonly #events: ScheduledEvent[] = [];
  #ending: ScheduledEvent[] | null = null;
  readonly #timeline: Timeline;
  readonly #keeps: boolean;

  /** @param keeps false where nobody will ask for a schedule: a run of months would fill memory with it. */
  constructor(timeline: Timeline, keeps = true) {
    this.#timeline = timeline;
    this.#keeps = keeps;
  }

  add(act: BlowAct | LoadAct, leader?: number): void {
    if (this.#keeps) this.#events.push(this.#event(act, leader));
    this.onAdd?.(act);
  }

  /** It is done at the end, in place of healing everything. */
  addToEnding(act: BlowAct, leader?: number): void {
    this.#ending ??= [];
    this.#ending.push(this.#event(act, leader));
    this.onAdd?.(act);
  }

  /** With the load drawn: what repeats the run. */
  get schedule(): Schedule {
    const events = this.#events.filter((event) => !isLoadAct(event));
    return { events, load: "drawn", passedOver: this.#timeline.tiesOf("faults"), ...this.ending };
  }

  /** With a load that was drawn aside, as the blows were: what repeats the run, and the load is events, too. */
  get whole(): Schedule {
    return {
      events: [...this.#events],
      load: "scheduled",
      passedOver: this.#timeline.tiesOf("faults", "load"),
      ...this.ending,
    };
  }

  /** As `whole`; null where nobody asked for anything. */
  get scheduledLoad(): Schedule | null {
    return this.#events.some(isLoadAct) ? this.whole : null;
  }

  /** As it stands in a schedule: absent where everything was healed. */
  get ending(): Pick<Schedule, "ending"> {
    return this.#ending === null ? {} : { ending: [...this.#ending] };
  }

  #event(act: BlowAct | LoadAct, leader: number | undefined): ScheduledEvent {
    const { nowUs: atUs, tie } = this.#timeline;
    return { ...act, atUs, tie, ...(leader !== undefined && { leader }) };
  }
}

export function isLoadAct(act: BlowAct | LoadAct): act is LoadAct {
  switch (act.type) {
    case "call":
    case "change":
    case "transfer":
    case "snapshot":
    case "ask":
    case "create-all":
    case "update":
    case "watch":
    case "burst":
    case "move":
    case "keep":
    case "stack":
    case "drain":
    case "tell":
    case "step":
      return true;
    default:
      return false;
  }
}
