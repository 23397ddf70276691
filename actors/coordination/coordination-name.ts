/** Names of leases, kinds of shards and nodes: what an actor may be called, since actors are called by them. */
const NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** Letters, digits, `-`, `_` and `.`, at most 128. */
export function isName(name: string): boolean {
  return NAME.test(name);
}
