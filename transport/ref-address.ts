/** How a ref travels inside a payload: `node/path`, as in the ref's own `blixard://node/path`. */
import type { Address } from "../runtime/ports/address.ts";
import { PATH_LENGTH_MAX, isName } from "./parse-frame.ts";

export function formatAddress(address: Address): string {
  return `${address.node}/${address.path}`;
}

/** Undefined when the text is not an address. */
export function parseAddress(text: string): Address | undefined {
  const slash = text.indexOf("/");
  const node = text.slice(0, Math.max(slash, 0));
  const path = text.slice(slash + 1);
  return isAddress({ node, path }) ? { node, path } : undefined;
}

/** Whether an actor can be there; a sender that nobody can answer has an empty path. */
export function isAddress({ node, path }: Address): boolean {
  return isName(node) && path !== "" && path.length <= PATH_LENGTH_MAX;
}
