/** Where a reliable sender keeps its messages, so that they outlive its process. `journalDeliveryStore` is one. */

/**
 * Every call but `confirm` answers through `done`, exactly once, never during the call, in the order of the calls. What was
 * answered with `ok` outlives the process.
 */
export interface DeliveryStore<M> {
  /**
   * Claims the store for a new life of the sender and reads what is in it. An empty store takes `fresh` as the name of its
   * stream, durably: names are never used for two numberings, so a store that was lost must not get its old name back.
   */
  load(fresh: string, done: (result: DeliveryStoreResult<StoredDelivery<M>>) => void): void;
  /**
   * Keeps messages, at least one, numbered from `after + 1`. When it fails, a beginning of them may have been kept. Fails when a later life has
   * claimed the store.
   */
  append(after: number, messages: readonly M[], done: (result: DeliveryStoreResult<null>) => void): void;
  /** All up to `seq` are confirmed and may be forgotten. If that is lost in a crash, the receiver says it again. */
  confirm(seq: number): void;
}

/** How a call of a delivery store went. */
export type DeliveryStoreResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Error };

/** One message as the store keeps it until it is confirmed. */
export interface StoredDelivery<M> {
  readonly stream: string;
  /** The number of the first message kept; one above the last number given out when there are none. */
  readonly base: number;
  readonly messages: readonly M[];
}
