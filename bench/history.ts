/**
 * How fast histories are judged and read: operations a second, of right and of wrong ones, by model. Of CPU time: all is one thread
 * without waiting, so that is what a free core takes.
 */
import { checkHistory, HISTORY_MODELS, readHistory, type HistoryModelName } from "../sim/index.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { breakHistory, recordHistory } from "./recorded-history.ts";

const OPERATIONS = 10_000;
const SEEDS = 5;

/** The goal is 10,000 operations in under 5 s. */
const GOAL = "goal 2,000/s";

const LOADS: readonly {
  readonly model: HistoryModelName;
  readonly clients: number;
  readonly keys: number;
  readonly unknown: number;
}[] = [
  { model: "register", clients: 5, keys: 1, unknown: 0.01 },
  { model: "cas", clients: 5, keys: 1, unknown: 0.01 },
  { model: "cas", clients: 10, keys: 1, unknown: 0.01 },
  { model: "kv", clients: 20, keys: 10, unknown: 0.05 },
  { model: "lock", clients: 5, keys: 1, unknown: 0.01 },
];

export const historyBench: Bench = {
  name: "history",
  summary: "operations a CPU second of the linearizability checker, on histories of 10,000, and of its readers",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const seeds = quick ? 1 : SEEDS;
    const rows = LOADS.flatMap((load) => {
      const name = `${load.model}, ${load.clients} clients, ${load.keys === 1 ? "1 key" : `${load.keys} keys`}`;
      const rates: Record<"linearizable" | "not-linearizable", number[]> = { linearizable: [], "not-linearizable": [] };
      for (let seed = 1; seed <= seeds; seed++) {
        const right = recordHistory({ ...load, operations: OPERATIONS, seed });
        for (const [verdict, history] of [
          ["linearizable", right] as const,
          ["not-linearizable", breakHistory(right)] as const,
        ]) {
          progress(`${name}, seed ${seed} of ${seeds}, ${verdict}`);
          const startMs = cpuMs();
          const found = checkHistory(HISTORY_MODELS[load.model].model, history);
          rates[verdict].push((1000 * OPERATIONS) / (cpuMs() - startMs));
          if (found.verdict !== verdict)
            throw new Error(`${name}, seed ${seed}: ${found.verdict}, expected ${verdict}`);
        }
      }
      return [
        spreadRow(`${name}, right`, rates.linearizable, { unit: "operations/CPU s", goal: GOAL }),
        spreadRow(`${name}, wrong`, rates["not-linearizable"], {
          unit: "operations/CPU s",
          goal: `${GOAL}, counterexample included`,
        }),
      ];
    });
    progress("reading EDN");
    return [
      ...rows,
      spreadRow("read Jepsen's EDN", readRates(seeds), { unit: "operations/CPU s", goal: "higher is better" }),
    ];
  },
};

function readRates(seeds: number): readonly number[] {
  const lines = Array.from({ length: 2 * OPERATIONS }, (_, at) => {
    const type = at % 2 === 0 ? ":invoke" : ":ok";
    return `{:type ${type}, :f :write, :value ${at >> 1}, :process ${(at >> 1) % 5}, :time ${at * 1000}, :index ${at}}`;
  });
  return Array.from({ length: seeds }, () => {
    const startMs = cpuMs();
    const { operations } = readHistory(lines, { model: "register" });
    return (1000 * operations.length) / (cpuMs() - startMs);
  });
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
