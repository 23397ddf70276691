/** Which accounts there are, on which node each lives, and how a node of the bank starts. */
import type { ActorSystem, Address, Ref } from "../../library/index.ts";
import { account, type Account } from "./account.ts";
import { transfers, type TransferCommand, type Transfers } from "./transfers.ts";

export const ACCOUNTS: readonly string[] = ["ada", "bob", "cleo", "dan", "eve", "fay"];

export const OPENING_CENTS = 10_000;

export interface BankNodeOptions {
  /** All nodes of the bank, in the same order at each. */
  readonly nodes: readonly string[];
  /** Whether accounts look for a booking's key before they book. Default: true; the simulation shows what happens without. */
  readonly looksForKey?: boolean;
  onAccount?(name: string, state: Account): void;
  onTransfers?(node: string, state: Transfers): void;
}

/** Spawns this node's accounts and its transfers; returns whom to tell of a new transfer. */
export function startBank(system: ActorSystem, options: BankNodeOptions): Ref<TransferCommand> {
  const { nodes, looksForKey = true } = options;
  for (const name of ACCOUNTS) {
    if (nodeOf(name, nodes) !== system.node) continue;
    const onState = (state: Account): void => options.onAccount?.(name, state);
    system.spawn(account({ name, openingCents: OPENING_CENTS, looksForKey, onState }), { name: `account-${name}` });
  }
  const behavior = transfers({
    node: system.node,
    accountAt: (name) => accountAt(name, nodes),
    onState: (state) => options.onTransfers?.(system.node, state),
  });
  return system.spawn(behavior, { name: "transfers" });
}

export function accountAt(name: string, nodes: readonly string[]): Address {
  return { node: nodeOf(name, nodes), path: `account-${name}` };
}

/** Accounts are dealt out to the nodes in turn. */
function nodeOf(name: string, nodes: readonly string[]): string {
  return nodes[ACCOUNTS.indexOf(name) % nodes.length] ?? "";
}
