/**
 * The bank under the simulator: what its load is, and what must hold whatever happens to nodes, network and disks.
 *
 * The book is kept outside of the processes: the last durable state of every account and of every node's transfers, as they
 * told it themselves.
 */
import { PersistenceError } from "../../library/index.ts";
import type { SimulateOptions, Simulation } from "../../library/sim.ts";
import type { Account, AccountCommand } from "./account.ts";
import { accountAt, ACCOUNTS, OPENING_CENTS, startBank } from "./bank.ts";
import { isOver, type TransferCommand, type Transfers } from "./transfers.ts";

export interface BankRunOptions {
  /** False plants the bug: a retried step is booked again. */
  readonly looksForKey: boolean;
}

/** One run: fresh books, and what `simulate` wants to know. */
export function bankRun({ looksForKey }: BankRunOptions): Omit<SimulateOptions, "seed"> {
  const accounts = new Map<string, Account>();
  const transfers = new Map<string, Transfers>();
  const ended = new Set<string>();
  let begun = 0;

  /** Begins a transfer at any node; now and then freezes an account instead, so that some must be refunded. */
  function act(run: Simulation): void {
    const running = run.nodes();
    const node = running[run.random.integer(Math.max(1, running.length))];
    const [from, to] = [draw(run), draw(run)];
    if (node === undefined || from === to) return;
    if (begun === 40)
      node.system.tell(node.system.refAt<AccountCommand>(accountAt(to, node.names)), { type: "freeze" });
    const id = `t${++begun}`;
    const cents = 1 + run.random.integer(4000);
    const address = { node: node.name, path: "transfers" };
    node.system.tell(node.system.refAt<TransferCommand>(address), { type: "transfer", id, from, to, cents });
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
    load: { everyMs: 150, act },
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

function draw(run: Simulation): string {
  return ACCOUNTS[run.random.integer(ACCOUNTS.length)] ?? "";
}
