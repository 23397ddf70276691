/**
 * The end of a run: all nodes agree, every acknowledged write is there or overwritten by a later one, and one order of all operations explains
 * what the clients were told.
 */
import { KvClient, type KvOutcome } from "../examples/kv/kv-client.ts";
import { describeOperation } from "../sim/checkers/history.ts";
import { checkLinearizability } from "../sim/checkers/linearizability.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import { findLostWrites } from "./lost-writes.ts";
import type { Recorder } from "./recorder.ts";

/** For a node that takes a snapshot and then the log, on a busy machine. */
const AGREE_MS = 60_000;
const READ_MS = 10_000;

/** Who reads every key once more when all faults are over. */
export const FINAL_READER = "end";

/** Of one kind that are told in full. */
const TOLD_MAX = 5;

/** Waits until all nodes run and have applied the same log. @returns what is wrong. */
export async function awaitAgreement(cluster: ChaosCluster, signal: AbortSignal): Promise<readonly string[]> {
  const agree = await cluster.waitFor(
    (statuses) => {
      const rafts = statuses.flatMap(({ raft }) => raft ?? []);
      const [first] = rafts;
      if (first === undefined || rafts.length < cluster.names.length) return false;
      return rafts.every(({ applied, term }) => applied === first.applied && term === first.term);
    },
    { timeoutMs: AGREE_MS, signal },
  );
  if (agree) return [];
  const known = (await cluster.statuses()).map(
    ({ node, raft }) => `${node} ${raft === null ? "does not answer" : `is at ${raft.applied} in term ${raft.term}`}`,
  );
  return [`The nodes do not agree ${AGREE_MS / 1000} s after the last fault: ${known.join(", ")}`];
}

/** Reads every key once more, linearizably for the record and from each node by itself. @returns where nodes differ. */
export async function readAll(cluster: ChaosCluster, recorder: Recorder): Promise<readonly string[]> {
  const keys = [...recorder.histories.keys()];
  const leading = new KvClient({ addresses: cluster.addresses, timeoutMs: READ_MS });
  const nodes = cluster.names.map((name) => ({
    name,
    client: new KvClient({ addresses: [cluster.addressOf(name)], timeoutMs: READ_MS, stale: true }),
  }));
  const wrong: string[] = [];
  try {
    for (const key of keys) {
      const call = { client: FINAL_READER, key, input: { type: "get" }, callUs: recorder.nowUs } as const;
      const read = await leading.get(key);
      if (read.ok) recorder.told(call, read.value);
      else wrong.push(`Key "${key}" cannot be read at the end: ${read.message}`);
      const copies = await Promise.all(nodes.map(async ({ name, client }) => ({ name, copy: await client.get(key) })));
      const differ = copies.filter(({ copy }) => !read.ok || !copy.ok || copy.value !== read.value);
      if (differ.length > 0) {
        wrong.push(
          `Key "${key}" is ${tell(read)}, but ${differ.map(({ name, copy }) => `${tell(copy)} at ${name}`).join(", ")}`,
        );
      }
    }
  } finally {
    for (const { client } of [{ client: leading }, ...nodes]) client.close();
  }
  return shorten(wrong, "more keys");
}

/** Judges what is recorded; what a key holds at the end is what FINAL_READER was told. @returns what is wrong. */
export function judge(recorder: Pick<Recorder, "histories">): readonly string[] {
  const { histories } = recorder;
  const wrong = [...histories].flatMap(([, history]) => {
    const result = checkLinearizability(history);
    return result.ok === true ? [] : [result.message];
  });
  const read = [...histories].filter(([, history]) => history.at(-1)?.client === FINAL_READER);
  const final = new Map(read.map(([key, history]) => [key, history.at(-1)?.output as string | null]));
  const lost = findLostWrites(new Map(read), (key) => final.get(key) ?? null).map(
    ({ write, found }) =>
      `An acknowledged write is lost: ${describeOperation(write)}; the key holds ${JSON.stringify(found)}`,
  );
  return [...shorten(lost, "more lost writes"), ...shorten(wrong, "more keys whose history is wrong")];
}

function tell(read: KvOutcome<string | null>): string {
  return read.ok ? JSON.stringify(read.value) : read.code;
}

function shorten(lines: readonly string[], more: string): readonly string[] {
  if (lines.length <= TOLD_MAX) return lines;
  return [...lines.slice(0, TOLD_MAX), `… and ${lines.length - TOLD_MAX} ${more}`];
}
