/**
 * A process that uses an LMDB log store, for tests that end it or fill its disk: `FOLDER append` prints each confirmed
 * index until it is killed; `FOLDER fill` appends until the disk is full and prints what happened.
 */
import type { LogStore, StoreError } from "../../../runtime/index.ts";
import { openLmdbLogStore } from "../../../runtime/node/index.ts";
import { append, close } from "../../contract/log-store-calls.ts";

const [folder = "", mode] = process.argv.slice(2);
let unhandled = 0;
process.on("unhandledRejection", () => (unhandled += 1));

const store = openLmdbLogStore({ folder });
let index = store.load().entries.length;

async function appendOne(sizeBytes: number): Promise<void> {
  const payload = new Uint8Array(sizeBytes).fill(index & 255);
  const entry = { index: index + 1, term: 1, type: "command" as const, payload };
  await append(store, { hardState: { term: 1, vote: null, commit: index }, entries: [entry] });
  index += 1;
}

async function reload(): Promise<LogStore> {
  await close(store);
  return openLmdbLogStore({ folder });
}

if (mode === "append") {
  for (;;) {
    await appendOne(200);
    process.stdout.write(`${index}\n`);
  }
}

try {
  for (;;) await appendOne(5000);
} catch (error) {
  const { code, message, hint } = error as StoreError;
  const afterwards = await appendOne(10).catch((again: unknown) => (again as StoreError).code);
  const reopened = await reload();
  const lost = index - reopened.load().entries.length;
  await close(reopened);
  process.stdout.write(JSON.stringify({ code, message, hint, afterwards, lost, unhandled }));
}
