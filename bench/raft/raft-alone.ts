/**
 * Raft alone: three cores in one process, their messages handed over as they are, their writes durable at once. What is left is
 * the step machine itself: logs, progress, quorums, commits at all three.
 */
import { createConfiguration, RaftCore, type RaftCoreOptions, type Ready } from "../../actors/raft/index.ts";
import { createRandom } from "../../runtime/index.ts";
import { EMPTY_LOG } from "../../runtime/ports/log-store.ts";
import { spreadRow, type Row } from "../bench.ts";
import { VALUE_BYTES } from "./load.ts";

const MEMBERS = ["a", "b", "c"];
const BATCHES = [1, 64, 1024];
const COMMITS = { full: 2_000_000, quick: 300_000 };
const ROUNDS = { full: 5, quick: 2 };

/** As the host does after each snapshot, so that the log is as long as in a node that runs. */
const COMPACT_EVERY = 100_000;

/** So many steps without a leader are more than any election takes. */
const STEPS_MAX = 10_000;

export function measureRaftAlone({
  quick,
  progress,
}: {
  readonly quick: boolean;
  readonly progress: (line: string) => void;
}): readonly Row[] {
  const size = quick ? "quick" : "full";
  return BATCHES.map((batch) => {
    const rates = Array.from({ length: ROUNDS[size] }, () =>
      commitsPerSecond(batch, COMMITS[size] / (batch === 1 ? 4 : 1)),
    );
    progress(
      `Raft alone, ${batch} at a time: ${Math.round(Math.max(...rates)).toLocaleString("en-US")} commits/s at best`,
    );
    const goal = batch === 1 ? "every proposal a step of its own; no goal" : "at least 500,000";
    return spreadRow(`Raft alone, ${batch} proposals at a time`, rates, { unit: "commits/s", goal });
  });
}

/** Entries that all three members have applied, a second. */
function commitsPerSecond(batch: number, commits: number): number {
  const cluster = new CoreCluster();
  const leader = cluster.elect();
  const payload = new Uint8Array(VALUE_BYTES);
  const payloads = Array.from({ length: batch }, () => payload);
  const startMs = performance.now();
  const from = cluster.applied;
  while (cluster.applied < from + commits) {
    const result = leader.propose(payloads, cluster.nowMs);
    if (!result.ok) throw new Error(`The leader refuses a proposal: ${result.code}`);
    cluster.settle();
  }
  return (cluster.applied - from) / ((performance.now() - startMs) / 1000);
}

class CoreCluster {
  nowMs = 0;
  readonly #cores = new Map<string, RaftCore>();
  readonly #applied = new Map<string, number>();
  #compactAt = COMPACT_EVERY;

  constructor() {
    const configuration = createConfiguration(MEMBERS);
    for (const self of MEMBERS) {
      const options: RaftCoreOptions = {
        self,
        configuration,
        loaded: EMPTY_LOG,
        random: createRandom(self),
        nowMs: this.nowMs,
      };
      this.#cores.set(self, new RaftCore(options));
      this.#applied.set(self, 0);
    }
  }

  /** What all members have applied. */
  get applied(): number {
    return Math.min(...this.#applied.values());
  }

  elect(): RaftCore {
    for (let step = 0; step < STEPS_MAX; step++) {
      this.nowMs += 1;
      for (const core of this.#cores.values()) {
        if (core.nextDeadlineMs() <= this.nowMs) core.step({ type: "timeout" }, this.nowMs);
      }
      this.settle();
      for (const core of this.#cores.values()) if (core.status().role === "leader") return core;
    }
    throw new Error("Nobody was elected");
  }

  /** Hands messages over and completes writes until nothing is left to do. */
  settle(): void {
    for (let busy = true; busy;) {
      busy = false;
      for (const [self, core] of this.#cores) if (this.#carryOut(self, core, core.takeReady(this.nowMs))) busy = true;
    }
    if (this.applied < this.#compactAt) return;
    this.#compactAt += COMPACT_EVERY;
    for (const core of this.#cores.values()) core.step({ type: "snapshot-made", index: this.applied }, this.nowMs);
  }

  #carryOut(self: string, core: RaftCore, { write, messages, committed }: Ready): boolean {
    const last = committed.at(-1);
    if (last) this.#applied.set(self, last.index);
    for (const { to, message } of messages) {
      this.#cores.get(to)?.step({ type: "message", from: self, message }, this.nowMs);
    }
    if (write) core.step({ type: "persisted", token: write.token }, this.nowMs);
    return write !== undefined || messages.length > 0;
  }
}
