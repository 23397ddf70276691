/**
 * Consensus alone: in each process a Raft actor and a machine that remembers what it applied.
 *
 * The load proposes numbered payloads at any node. A payload is acknowledged when its node has applied it; what was
 * acknowledged must be in the log of every node at the end.
 */
import { jsonCodec, type Behavior, type LogEntry, type Random, type Ref } from "../runtime/index.ts";
import {
  brokenRules,
  raftActor,
  RAFT_SPAWN_OPTIONS,
  type RaftActorMessage,
  type RaftEvent,
  type RaftLimits,
} from "../actors/raft/index.ts";
import { sameEntry } from "./checkers/committed-log.ts";
import type { Cluster } from "./cluster.ts";
import type { GuestWatcher } from "./host.ts";
import type { PlantedFaults } from "./planted-faults.ts";
import type { Scenario } from "./scenario.ts";
import type { Process, SimNode } from "./sim-node.ts";

/** The machine of one life of a node. */
interface Machine {
  applied: number;
  readonly raft: Ref<RaftActorMessage>;
}

export interface RaftScenarioOptions {
  readonly random: Random;
  readonly planted: PlantedFaults;
  readonly limits: Partial<RaftLimits>;
  /** Mean pause between two proposals, in microseconds. */
  readonly proposeEveryUs: number;
}

export class RaftScenario implements Scenario {
  readonly guests: GuestWatcher = { onGuestStarted: () => {}, onGuestEnded: () => {} };
  readonly #options: RaftScenarioOptions;
  readonly #machines = new Map<number, Machine>();
  /** Payload by number, waiting at a node for being applied there. */
  readonly #waiting = new Map<string, number>();
  readonly #acknowledged: { readonly index: number; readonly entry: LogEntry }[] = [];
  #cluster!: Cluster;
  #proposed = 0;
  #loaded = false;

  constructor(options: RaftScenarioOptions) {
    this.#options = options;
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  compose(process: Process): void {
    const { node, system, store, snapshots } = process;
    const subscriber = system.spawn(this.#machine(node.index), { name: "machine" });
    const raft = system.spawn(
      raftActor({
        voters: this.#cluster.names,
        store,
        snapshots,
        subscriber,
        limits: this.#options.limits,
        rules: brokenRules(this.#options.planted),
        onStart: (view) => this.#cluster.raft.onStart(node.index, view),
      }),
      RAFT_SPAWN_OPTIONS,
    );
    this.#machines.set(node.index, { applied: 0, raft });
  }

  check(): void {}

  onEnd(node: SimNode): void {
    this.#machines.delete(node.index);
    for (const [payload, at] of this.#waiting) if (at === node.index) this.#waiting.delete(payload);
  }

  load(): void {
    this.#loaded = true;
    this.#proposeSoon();
  }

  unload(): void {
    this.#loaded = false;
  }

  unsettled(): string | null {
    const { raft, nodes } = this.#cluster;
    const leader = raft.leader();
    if (leader === undefined) return "no member leads";
    const behind = nodes.find((node) => this.#machines.get(node.index)?.applied !== raft.committed.lastIndex);
    const last = raft.view(leader)?.status().lastIndex ?? 0;
    if (raft.committed.lastIndex < last)
      return `the leader's log ends at ${last}, ${raft.committed.lastIndex} is committed`;
    if (behind) return `${behind.name} has not applied everything up to ${raft.committed.lastIndex}`;
    return null;
  }

  checkEnd(): void {
    const { raft, timeline } = this.#cluster;
    for (const { index, entry } of this.#acknowledged) {
      const committed = raft.committed.entryAt(index);
      if (committed !== undefined && sameEntry(committed, entry)) continue;
      timeline.fail("acknowledged-is-kept", `Index ${index} was acknowledged and is not what is committed there`);
    }
  }

  marks(): Readonly<Record<string, number>> {
    return { proposed: this.#proposed, acknowledged: this.#acknowledged.length };
  }

  #machine(node: number): Behavior<null, RaftEvent> {
    return {
      name: "machine",
      init: () => null,
      receive: (state, event) => {
        if (event.type === "committed") for (const entry of event.entries) this.#apply(node, entry);
        return state;
      },
    };
  }

  #apply(node: number, entry: LogEntry): void {
    const { timeline } = this.#cluster;
    const machine = this.#machines.get(node);
    if (machine === undefined) return;
    if (entry.index !== machine.applied + 1) {
      timeline.fail("applied-in-order", `Node ${node} applied ${entry.index} after ${machine.applied}`);
    }
    machine.applied = entry.index;
    timeline.note(`apply ${node} ${entry.index} ${entry.term}`);
    if (entry.type === "noop") return;
    const payload = String(jsonCodec.decode(entry.payload));
    if (this.#waiting.get(payload) !== node) return;
    this.#waiting.delete(payload);
    this.#acknowledged.push({ index: entry.index, entry });
  }

  #proposeSoon(): void {
    const { random, proposeEveryUs } = this.#options;
    this.#cluster.timeline.after(-Math.log(1 - random.next()) * proposeEveryUs, () => {
      if (!this.#loaded) return;
      this.#propose(random.integer(this.#cluster.nodes.length));
      this.#proposeSoon();
    });
  }

  #propose(at: number): void {
    const process = this.#cluster.node(at).process;
    const machine = this.#machines.get(at);
    if (process === null || machine === undefined) return;
    this.#proposed += 1;
    const payload = `p${this.#proposed}`;
    this.#waiting.set(payload, at);
    this.#cluster.timeline.note(`propose ${at} ${payload}`);
    process.life.enter(() => {
      process.system.tell(machine.raft, { type: "propose", payload: jsonCodec.encode(payload) });
    });
  }
}
