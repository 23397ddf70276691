/** A journal in memory: for tests, and for actors whose events need not outlive the process. */
import type { Journal } from "../ports/journal.ts";
import type { Dispatcher } from "../ports/dispatcher.ts";
import { checkDispatcher } from "../check-world.ts";
import { CheckedJournal } from "./checked-journal.ts";
import { JournalMachine } from "./journal-machine.ts";
import { memoryBodies, MemoryTable } from "./memory-table.ts";

/**
 * A journal that keeps everything in memory, and answers on turns of the dispatcher.
 *
 * `createMemoryJournal(world)`. Actors that restart, and systems that are made one after the other, find in it what was written before;
 * the end of the process takes it away. Never fails but by the port's own refusals.
 * @throws TypeError without a dispatcher.
 */
export function createMemoryJournal(world: { readonly dispatcher: Dispatcher }): Journal {
  checkDispatcher("make a journal in memory", world);
  const machine = new JournalMachine(new MemoryTable());
  const later = (run: () => void): void => world.dispatcher.schedule({ run });
  return new CheckedJournal({
    path: "memory",
    ...memoryBodies,
    submit: (call, done) => {
      const answer = machine.run(call);
      later(() => done(answer));
    },
    later,
    close: later,
  });
}
