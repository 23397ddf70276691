/** Short ways to use a log store in a test. */
import type { HardState, LogEntry, LogStore, LogWrite, StoreError } from "../../runtime/index.ts";

/** @throws {StoreError} when the store says so. */
export function append(store: LogStore, write: LogWrite): Promise<void> {
  return new Promise((resolve, reject) => {
    store.append(write, (error?: StoreError) => (error ? reject(error) : resolve()));
  });
}

export function close(store: LogStore): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

/** One command for each of `terms`, from index `first`. */
export function commands(first: number, ...terms: readonly number[]): readonly LogEntry[] {
  return terms.map((of, at) => ({ index: first + at, term: of, type: "command", payload: Uint8Array.of(of, at) }));
}

export function term(of: number): HardState {
  return { term: of, vote: null, commit: 0 };
}
