/** A service key names a group of actors that accept the same messages, on any node of the cluster. */

declare const messageType: unique symbol;

/** `M` is the type of message that every member accepts. Two keys with the same id name the same group. */
export interface ServiceKey<in out M> {
  readonly id: string;
  /** Only for the compiler: keys of different message types are different types. */
  readonly [messageType]?: (message: M) => M;
}

const KEY_ID = /^[A-Za-z0-9_.:/-]{1,200}$/;

/**
 * The key of the group `id`: 1 to 200 letters, digits, `_`, `.`, `:`, `/` and `-`. That all nodes mean the same message
 * type by it is not checked: give the key one constructor in your code, and the members' behaviours `accepts`.
 *
 * @throws for any other id.
 */
export function serviceKey<M>(id: string): ServiceKey<M> {
  if (!KEY_ID.test(id)) {
    throw new Error(
      `Cannot make the service key "${id}": an id is 1 to 200 letters, digits, "_", ".", ":", "/" and "-"`,
    );
  }
  return { id };
}

export function isKeyId(value: unknown): value is string {
  return typeof value === "string" && KEY_ID.test(value);
}
