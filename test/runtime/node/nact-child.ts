/** A process with a persistent nact actor on an LMDB journal: `FOLDER` prints each total that was kept, until it is killed. */
import { openLmdbJournal } from "../../../runtime/node/index.ts";
import { startNactCounter } from "./nact-counter.ts";

const [folder = ""] = process.argv.slice(2);
const counter = startNactCounter(await openLmdbJournal({ folder }), "counter", 10);
for (;;) process.stdout.write(`${await counter.add(1)}\n`);
