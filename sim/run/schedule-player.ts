/** Does what a schedule says, in place of the injector. What is not possible when its time comes is left out, and the event log says so. */
import { mapNodes, type BlowAct } from "../schedule/blow.ts";
import { BlowExecutor } from "../faults/blow-executor.ts";
import { coreEndOf, endingFor, type CoreEnd } from "../faults/core-ending.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { FaultSource } from "../faults/fault-injector.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import { isLoadAct, type Recording, type Schedule, type ScheduledEvent } from "../schedule/schedule.ts";
import type { Scenario } from "../scenarios/scenario.ts";

export class SchedulePlayer implements FaultSource {
  readonly counts: Map<string, number> = new Map();
  readonly #cluster: Cluster;
  readonly #scenario: Scenario;
  readonly #schedule: Schedule;
  readonly #recording: Recording;
  readonly #executor: BlowExecutor;
  #active = false;

  constructor(
    cluster: Cluster,
    options: { readonly schedule: Schedule; readonly scenario: Scenario; readonly recording: Recording },
  ) {
    this.#cluster = cluster;
    this.#scenario = options.scenario;
    this.#schedule = options.schedule;
    this.#recording = options.recording;
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
          this.#doAll(acts);
        });
      }
    }
  }

  stop(): CoreEnd | null {
    this.#active = false;
    const stored = this.#inPlace((this.#schedule.ending ?? []).filter((act) => !isLoadAct(act)));
    const ending = endingFor(this.#cluster, stored);
    const isCoreHealed = ending[0] !== undefined && this.#end(ending[0]);
    if (!isCoreHealed) {
      this.#executor.healAll();
      return null;
    }
    for (const act of ending.slice(1)) this.#end(act);
    return coreEndOf(ending);
  }

  #end(act: BlowAct): boolean {
    const leader = this.#cluster.raft.leader();
    const isDone = this.#executor.strike(act);
    if (isDone) this.#recording.addToEnding(act, leader);
    return isDone;
  }

  #doAll(acts: readonly ScheduledEvent[]): void {
    if (!this.#active) return;
    for (const act of this.#inPlace(acts)) this.#do(act);
  }

  /** Whoever led when they were recorded and whoever leads now change places. */
  #inPlace<Act extends ScheduledEvent>(acts: readonly Act[]): readonly Act[] {
    const led = acts.find(({ leader }) => leader !== undefined)?.leader;
    const leads = this.#cluster.raft.leader();
    if (led === undefined || leads === undefined || led === leads) return acts;
    return acts.map((act) =>
      isLoadAct(act) ? act : { ...act, ...mapNodes(act, (node) => swapped(node, led, leads)) },
    );
  }

  #do(act: BlowAct | LoadAct): void {
    const leader = this.#cluster.raft.leader();
    const isDone = isLoadAct(act) ? this.#scenario.perform?.(act) === true : this.#executor.strike(act);
    if (isDone) this.#recording.add(act, leader);
    const name = isDone ? act.type : "not possible";
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (!isDone) this.#cluster.timeline.note(`not possible ${act.type}`);
  }
}

function swapped(node: number, one: number, other: number): number {
  if (node === one) return other;
  return node === other ? one : node;
}
