/**
 * A process that uses an LMDB journal, for tests that end it or fill its disk: `FOLDER append` prints each confirmed sequence until
 * it is killed; `FOLDER fill` appends until the disk is full and prints what happened.
 */
import type { Journal, StoreError, StreamHead } from "../../../runtime/index.ts";
import { openLmdbJournal } from "../../../runtime/node/index.ts";
import { called, closed, event, readAll } from "../../contract/journal-calls.ts";

const [folder = "", mode] = process.argv.slice(2);
const stream = "a";
let unhandled = 0;
process.on("unhandledRejection", () => (unhandled += 1));

const journal = await openLmdbJournal({ folder });
const head = await called<StreamHead>((done) => journal.open(stream, done));
const { epoch } = head;
let last = head.lastSequence;

async function append(count: number, sizeBytes: number): Promise<void> {
  const events = Array.from({ length: count }, () =>
    event("", { payload: new Uint8Array(sizeBytes).fill(last & 255) }),
  );
  const appended = await called<{ readonly lastSequence: number }>((done) =>
    journal.append({ stream, epoch, after: last, events }, done),
  );
  last = appended.lastSequence;
}

if (mode === "append") {
  for (;;) {
    await append(3, 100);
    process.stdout.write(`${last}\n`);
    if (last % 30 === 0) {
      const snapshot = { sequence: last, manifest: "state", version: 1, wallMs: 0, payload: new Uint8Array(50) };
      const kept = await called<{ readonly oldestSequence: number }>((done) =>
        journal.saveSnapshot({ stream, epoch, snapshot, keep: 2 }, done),
      );
      await called((done) => journal.deleteEvents({ stream, epoch, upTo: kept.oldestSequence }, done));
    }
  }
}

async function reopened(): Promise<Journal> {
  await closed(journal);
  return openLmdbJournal({ folder });
}

try {
  for (;;) await append(1, 5000);
} catch (error) {
  const { code, message, hint } = error as StoreError;
  const afterwards = await readAll(journal, stream).then(String, (again: unknown) => (again as StoreError).code);
  const again = await reopened();
  const lost = last - (await readAll(again, stream)).length;
  await closed(again);
  process.stdout.write(JSON.stringify({ code, message, hint, afterwards, lost, unhandled }));
}
