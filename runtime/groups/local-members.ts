/**
 * Who of this node is in which group; what of it other nodes may see, with a version that counts its changes.
 *
 * Invariant: `version` goes up by one exactly when `takeChanges` gives a difference between the set of before and of now,
 * so a receptionist that has applied every difference up to a version has the set of that version.
 */
import type { AnyRef } from "../ref.ts";
import type { GroupScope, Membership } from "./receptionist-message.ts";

/**
 * Most memberships of scope `cluster` a node may have: every other node holds them all, and a set of that size is one message of
 * about a megabyte. Groups of more are a case for sharding. A join beyond it is refused.
 */
const CLUSTER_MEMBERSHIPS_MAX = 10_000;

/** Most memberships of scope `local` a node may have: some 20 MB. A join beyond it is refused. */
const LOCAL_MEMBERSHIPS_MAX = 100_000;

export interface MembershipChanges {
  readonly version: number;
  readonly joined: readonly Membership[];
  readonly left: readonly Membership[];
}

interface Member {
  readonly ref: AnyRef;
  readonly scope: GroupScope;
}

export class LocalMembers {
  #version = 0;
  readonly #byKey = new Map<string, Map<string, Member>>();
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #count = { local: 0, cluster: 0 };
  /** Memberships that changed since `takeChanges`, and whether the other nodes saw them before. */
  readonly #changed = new Map<string, { readonly membership: Membership; readonly seenBefore: boolean }>();

  get version(): number {
    return this.#version;
  }

  /** False when there are too many; joining again changes the scope. */
  join(key: string, ref: AnyRef, scope: GroupScope): boolean {
    const before = this.#byKey.get(key)?.get(ref.path);
    if (before?.scope === scope) return true;
    if (this.#count[scope] >= (scope === "local" ? LOCAL_MEMBERSHIPS_MAX : CLUSTER_MEMBERSHIPS_MAX)) return false;
    if (before !== undefined) this.leave(key, ref.path);
    entry(this.#byKey, key, () => new Map<string, Member>()).set(ref.path, { ref, scope });
    entry(this.#keysOf, ref.path, () => new Set<string>()).add(key);
    this.#count[scope] += 1;
    if (scope === "cluster") this.#note([key, ref.path], false);
    return true;
  }

  /** Whether it was a member. */
  leave(key: string, path: string): boolean {
    const members = this.#byKey.get(key);
    const member = members?.get(path);
    if (members === undefined || member === undefined) return false;
    members.delete(path);
    if (members.size === 0) this.#byKey.delete(key);
    const keys = this.#keysOf.get(path);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(path);
    this.#count[member.scope] -= 1;
    if (member.scope === "cluster") this.#note([key, path], true);
    return true;
  }

  /** The keys of the groups that the actor is in. */
  groupsOf(path: string): readonly string[] {
    return [...(this.#keysOf.get(path) ?? [])];
  }

  members(key: string): readonly AnyRef[] {
    return [...(this.#byKey.get(key)?.values() ?? [])].map(({ ref }) => ref);
  }

  /** What the other nodes see; call `takeChanges` first, so that `version` is that of this set. */
  shared(): readonly Membership[] {
    const shared: Membership[] = [];
    for (const [key, members] of this.#byKey) {
      for (const [path, { scope }] of members) if (scope === "cluster") shared.push([key, path]);
    }
    return shared;
  }

  /** The difference since the last call, as a new version; undefined when the other nodes would see none. */
  takeChanges(): MembershipChanges | undefined {
    const joined: Membership[] = [];
    const left: Membership[] = [];
    for (const { membership, seenBefore } of this.#changed.values()) {
      const [key, path] = membership;
      const seenNow = this.#byKey.get(key)?.get(path)?.scope === "cluster";
      if (seenNow && !seenBefore) joined.push(membership);
      else if (!seenNow && seenBefore) left.push(membership);
    }
    this.#changed.clear();
    if (joined.length === 0 && left.length === 0) return undefined;
    this.#version += 1;
    return { version: this.#version, joined, left };
  }

  /** Only the first note between two `takeChanges` says how it was before. */
  #note(membership: Membership, seenBefore: boolean): void {
    const name = membership.join(" ");
    if (!this.#changed.has(name)) this.#changed.set(name, { membership, seenBefore });
  }
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
