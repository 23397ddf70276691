/**
 * The bank under the simulator: what its load is, and what must hold whatever happens to nodes, network and disks.
 * `blixard sim --actors examples/bank/simulation.ts` runs it.
 *
 * The book is kept outside of the processes: the last durable state of every account and of every node's transfers, as they
 * told it themselves.
 */
import { PersistenceError } from "../../library/index.ts";
import {
  defineSimulation,
  type SimulateOptions,
  type Simulation,
  type SimulationDefinition,
} from "../../library/sim.ts";
import type { Account, AccountCommand } from "./account.ts";
import { accountAt, ACCOUNTS, OPENING_CENTS, startBank } from "./bank.ts";
import { isOver, type TransferCommand, type Transfers } from "./transfers.ts";

/** What is asked of the bank: a transfer at any node, or that an account be frozen, so that some transfers must be refunded. */
type BankStep =
  | {
      readonly at: string;
      readonly transfer: string;
      readonly from: string;
      readonly to: string;
      readonly cents: number;
    }
  | { readonly at: string; readonly freeze: string };

const bank: SimulationDefinition<BankStep> = defineSimulation<BankStep>({
  name: "bank",
  planted: { "books-twice": "an account books without a look whether it has booked that already" },
  sometimes: ["done", "refused", "refunded"],
  make: ({ planted }) => bankRun({ looksForKey: !planted.has("books-twice") }),
});

export default bank;

/** One run: fresh books, and what `simulate` wants to know. */
function bankRun({ looksForKey }: { readonly looksForKey: boolean }): Omit<SimulateOptions<BankStep>, "seed"> {
  const accounts = new Map<string, Account>();
  const transfers = new Map<string, Transfers>();
  const ended = new Set<string>();
  let begun = 0;

  function draw(run: Simulation): BankStep | null {
    const at = oneOf(run.names, run);
    const [from, to] = [oneOf(ACCOUNTS, run), oneOf(ACCOUNTS, run)];
    if (from === to) return null;
    begun += 1;
    if (begun === 40) return { at, freeze: to };
    return { at, transfer: `t${begun}`, from, to, cents: 1 + run.random.integer(4000) };
  }

  function act(run: Simulation, step: BankStep): void {
    const node = run.node(step.at);
    if (node === undefined) return;
    const { system, names } = node;
    if ("freeze" in step) {
      system.tell(system.refAt<AccountCommand>(accountAt(step.freeze, names)), { type: "freeze" });
      return;
    }
    const { transfer: id, from, to, cents } = step;
    const transfersHere = system.refAt<TransferCommand>({ node: node.name, path: "transfers" });
    system.tell(transfersHere, { type: "transfer", id, from, to, cents });
  }

  function allTransfers(): readonly Transfers[string][] {
    return [...transfers.values()].flatMap((of) => Object.values(of));
  }

  return {
    nodes: 3,
    durationMs: 30_000,
    start: (node) => {
      startBank(node.system, {
        nodes: node.names,
        looksForKey,
        onAccount: (name, state) => {
          accounts.set(name, state);
          node.note(`${name} ${state.cents} ${state.bookings.at(-1)?.key ?? "opened"}`);
        },
        onTransfers: (name, state) => {
          transfers.set(name, state);
          for (const [id, { step }] of Object.entries(state)) {
            if (!isOver(step) || ended.has(id)) continue;
            ended.add(id);
            node.mark(step);
          }
        },
      });
    },
    load: { everyMs: 150, draw, act },
    // A broken disk: the node is restarted on another one.
    allowCrash: ({ error }) => error instanceof PersistenceError,
    always: {
      "no transfer is booked twice": () => {
        for (const [name, { bookings }] of accounts) {
          const keys = bookings.map(({ key }) => key);
          const twice = keys.find((key, at) => keys.indexOf(key) !== at);
          if (twice !== undefined) return `"${twice}" is in the books of ${name} twice`;
        }
        return null;
      },
      "no account is overdrawn": () => {
        for (const [name, { cents }] of accounts) if (cents < 0) return `${name} has ${cents} cents`;
        return null;
      },
    },
    eventually: {
      "every transfer ends": () => {
        const open = allTransfers().filter(({ step }) => !isOver(step));
        return open.length === 0 ? null : `${open.length} are under way`;
      },
      "money is conserved": () => {
        const cents = [...accounts.values()].reduce((sum, account) => sum + account.cents, 0);
        const wanted = ACCOUNTS.length * OPENING_CENTS;
        return cents === wanted ? null : `the accounts have ${cents} cents, wanted ${wanted}`;
      },
    },
  };
}

function oneOf(names: readonly string[], run: Simulation): string {
  return names[run.random.integer(names.length)] ?? "";
}
