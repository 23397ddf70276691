/** The journal in memory keeps the contract, but for the end of its process. */
import { createMemoryJournal } from "../../../runtime/index.ts";
import { createNodeDispatcher } from "../../../runtime/node/index.ts";
import { journalContract } from "../../contract/journal.ts";

journalContract("memory", () => ({
  open: () => createMemoryJournal({ dispatcher: createNodeDispatcher() }),
  isDurable: false,
  cleanup: () => {},
}));
