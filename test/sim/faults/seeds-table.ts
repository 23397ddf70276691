/** The table of docs/seeds-to-find.md: one row a fault, by its number. */
import type { Find } from "./find.ts";
import type { DirectedPlant, Plant } from "./raft-plants.ts";

const OWN_TEST = "../test/actors/raft/planted-faults.test.ts";

const HEAD = `# Seeds to find

Each fault that a real Raft system had, put back on purpose, and how many seeds the simulator needs to find it. A seed is 60 simulated
seconds of a cluster under load and faults (20 for those of liveness, 35 to 44), or less, since the first rule that does not hold ends it. Written by
\`npm run seeds-to-find\`: the seeds are counted from several bases far apart, and the median stands here, with the least and the most in brackets; seconds
are of CPU time of one thread. The last column is the run of the first base, made short for 40 seconds: how much is done in it, blows and acts of clients and
operator, and after how many simulated seconds it fails.

How they are planted: [raft-rules.ts](../actors/raft/core/raft-rules.ts) holds each rule of the core that can be left out, asked at one
spot; [planted-faults.ts](../actors/raft/core/planted-faults.ts) replaces them one by one; faults of disks are stores that break their
promise ([planted-disks.ts](../sim/faults/planted-disks.ts)). Each has a test named \`fault N: …\`
([raft-plants.test.ts](../test/sim/faults/raft-plants.test.ts), [planted-faults.test.ts](../test/actors/raft/planted-faults.test.ts)), in which the same
seed, or script, is clean without it. The rules that tell are in [sim/README.md](../sim/README.md).

| # | fault | planted | profile | bases | seeds | seconds | told by | shrunk to |
|--:|---|---|---|--:|--:|--:|---|--:|
`;

/** The rows of a table as it was written, by number. */
export function readRows(text: string): readonly (readonly [number: number, row: string])[] {
  return text.split("\n").flatMap((line) => {
    const number = /^\| (\d+) \|/.exec(line)?.[1];
    return number === undefined ? [] : [[Number(number), line] as const];
  });
}

export function renderTable(rows: ReadonlyMap<number, string>): string {
  const sorted = [...rows].toSorted(([one], [other]) => one - other);
  return `${HEAD}${sorted.map(([, row]) => row).join("\n")}\n`;
}

export function measuredRow({ number, fault, planted, profile, nodes }: Plant, finds: readonly Find[]): string {
  const cluster = nodes === 1 ? `${profile}, one node` : profile;
  const told = [...new Set(finds.flatMap(({ invariant }) => invariant ?? []))].map((name) => `\`${name}\``);
  const seeds = spread(finds.map((find) => find.seeds));
  const seconds = median(finds.map((find) => find.seconds)).toFixed(1);
  const shrunk = finds.find((find) => find.shrunk !== null)?.shrunk ?? null;
  const short = shrunk === null ? "–" : `${shrunk.acts} acts, ${shrunk.seconds.toFixed(1)} s`;
  return rowOf([`${number}`, fault, planted, cluster, `${finds.length}`, seeds, seconds, told.join(", "), short]);
}

export function directedRow({ number, fault, planted, why }: DirectedPlant): string {
  return rowOf([`${number}`, fault, planted, `[own test](${OWN_TEST})`, "–", "–", "–", why, "–"]);
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function spread(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? show(least) : `${show(median(values))} (${show(least)}–${show(most)})`;
}

function show(seeds: number): string {
  return seeds === Infinity ? "not found" : `${seeds}`;
}

/** Of an even number: the lower of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Infinity;
}
