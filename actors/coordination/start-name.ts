/** Names of singletons and of kinds of shards: with what is put before and behind one, it must be the name of an actor. */
const NAME = /^[A-Za-z0-9_.-]{1,100}$/;

/** @throws RangeError. */
export function checkStartName(what: string, name: string): void {
  if (typeof name === "string" && NAME.test(name)) return;
  const shown = typeof name === "string" ? `"${name}"` : String(name);
  throw new RangeError(`Cannot start ${what} ${shown}: a name is 1 to 100 letters, digits, "-", "_" and "."`);
}
