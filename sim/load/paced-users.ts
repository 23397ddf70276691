/** Users who act one at a time, after drawn pauses. Kinds of them differ in what they do, not in when, nor in who is told of it. */
import { CHANCES } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { ClientDesk } from "./client-desk.ts";
import type { UserOptions, UsersAct } from "./users.ts";

export interface PacedUsersOptions extends UserOptions {
  readonly desk: ClientDesk;
}

type PacedAct = Extract<UsersAct, { readonly type: "move" | "keep" | "stack" | "drain" }>;

interface Pace<Act extends PacedAct> {
  readonly type: Act["type"];
  /** Mean pause between two acts. */
  readonly everyUs: number;
  /** What they do, each as often as it stands here. */
  readonly ways: readonly Act["how"][];
}

export abstract class PacedUsers<Act extends PacedAct> {
  protected readonly options: PacedUsersOptions;
  protected isActive = false;
  readonly #pace: Pace<Act>;

  constructor(options: PacedUsersOptions, pace: Pace<Act>) {
    this.options = options;
    this.#pace = pace;
  }

  /** `scheduled`: they act when `perform` is told to. */
  start(load: Schedule["load"]): void {
    this.isActive = true;
    if (load === "drawn") this.#actSoon();
  }

  stop(): void {
    this.isActive = false;
  }

  /** False when nobody is there to ask. */
  abstract perform(act: Act): boolean;

  #actSoon(): void {
    const { deciding, cluster, drawNode, slower, onAct } = this.options;
    const { type, everyUs, ways } = this.#pace;
    const decide = (): void => {
      if (!this.isActive) return;
      const how = ways[deciding.integer(ways.length)];
      const act = { type, node: drawNode(deciding).index, how, chance: deciding.integer(CHANCES) } as Act;
      if (this.perform(act)) onAct(act);
      this.#actSoon();
    };
    cluster.timeline.afterAside(-Math.log(1 - deciding.next()) * everyUs * slower, decide, "load");
  }
}
