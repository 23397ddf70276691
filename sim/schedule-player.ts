/** Does what a schedule says, in place of the injector. What is not possible when its time comes is left out, and the event log says so. */
import type { BlowAct } from "./blow.ts";
import { BlowExecutor } from "./blow-executor.ts";
import type { Cluster } from "./cluster.ts";
import type { FaultSource } from "./fault-injector.ts";
import type { LoadAct } from "./load-act.ts";
import { isLoadAct, type Schedule, type ScheduledEvent } from "./schedule.ts";
import type { Scenario } from "./scenario.ts";

export class SchedulePlayer implements FaultSource {
  readonly counts: Map<string, number> = new Map();
  readonly #cluster: Cluster;
  readonly #scenario: Scenario;
  readonly #schedule: Schedule;
  readonly #executor: BlowExecutor;
  #active = false;

  constructor(cluster: Cluster, { schedule, scenario }: { readonly schedule: Schedule; readonly scenario: Scenario }) {
    this.#cluster = cluster;
    this.#scenario = scenario;
    this.#schedule = schedule;
    this.#executor = new BlowExecutor(cluster);
  }

  start(): void {
    this.#active = true;
    let moment: ScheduledEvent[] = [];
    for (const event of this.#schedule.events) {
      const { atUs, tie } = event;
      if (moment[0]?.atUs === atUs && moment[0].tie === tie) moment.push(event);
      else {
        const acts = [event];
        moment = acts;
        this.#cluster.timeline.at(atUs, tie, () => {
          for (const act of acts) this.#do(act);
        });
      }
    }
  }

  stop(): void {
    this.#active = false;
    this.#executor.healAll();
  }

  #do(act: BlowAct | LoadAct): void {
    if (!this.#active) return;
    const isDone = isLoadAct(act) ? this.#scenario.perform?.(act) === true : this.#executor.strike(act);
    const name = isDone ? act.type : "not possible";
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (!isDone) this.#cluster.timeline.note(`not possible ${act.type}`);
  }
}
