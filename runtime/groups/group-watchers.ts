/** Who of this node wants to know which groups. Each watcher has at most one list on its way, always the newest. */
import type { AnyRef } from "../ref.ts";
import type { Listing, Members } from "./receptionist-message.ts";

interface Watcher {
  readonly ref: AnyRef;
  readonly listing: Listing;
}

export class GroupWatchers {
  readonly #byKey = new Map<string, Map<string, Watcher>>();
  readonly #keysOf = new Map<string, Set<string>>();

  /** Replaces an earlier watch of the same actor on the same group. */
  add(key: string, ref: AnyRef, listing: Listing): void {
    const watchers = this.#byKey.get(key) ?? new Map<string, Watcher>();
    this.#byKey.set(key, watchers.set(ref.path, { ref, listing }));
    const keys = this.#keysOf.get(ref.path) ?? new Set<string>();
    this.#keysOf.set(ref.path, keys.add(key));
  }

  remove(key: string, path: string): void {
    const watchers = this.#byKey.get(key);
    watchers?.delete(path);
    if (watchers?.size === 0) this.#byKey.delete(key);
    const keys = this.#keysOf.get(path);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(path);
  }

  /** The actor is gone. */
  removeAll(path: string): void {
    for (const key of [...(this.#keysOf.get(path) ?? [])]) this.remove(key, path);
  }

  has(path: string): boolean {
    return this.#keysOf.has(path);
  }

  watches(key: string): boolean {
    return this.#byKey.has(key);
  }

  tell(key: string, members: Members): void {
    for (const { listing } of this.#byKey.get(key)?.values() ?? []) deliver(listing, members);
  }
}

export function deliver(listing: Listing, members: Members): void {
  listing.members = members;
  if (listing.pending) return;
  listing.pending = true;
  listing.deliver(listing);
}
