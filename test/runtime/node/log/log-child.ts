/** A process that appends to the log in a folder until it is killed, and prints each index that it was told is durable. */
import { openLogStore } from "../../../../runtime/node/index.ts";
import { append } from "../../../contract/log-store-calls.ts";

const [folder = ""] = process.argv.slice(2);
const store = openLogStore({ folder, segmentSizes: { firstBytes: 16_384, largestBytes: 65_536 } });
const { base, entries } = store.load();

for (let index = base.index + entries.length + 1; ; index++) {
  // Some turns have many entries, and are written in many sectors.
  const count = index % 7 === 0 ? 20 : 1;
  const batch = Array.from({ length: count }, (_, at) => ({
    index: index + at,
    term: 1,
    type: "command" as const,
    payload: new Uint8Array(200).fill((index + at) & 255),
  }));
  await append(store, { hardState: { term: 1, vote: null, commit: index - 1 }, entries: batch });
  index += count - 1;
  if (index % 500 < 20) store.compact({ index: Math.max(base.index + 1, index - 200), term: 1 });
  process.stdout.write(`${index}\n`);
}
