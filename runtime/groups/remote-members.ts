/**
 * Who of one other node is in which group, as far as that node's receptionist has told.
 *
 *     link up ──▶ pull(token) ──▶ full(token, life, version) ──▶ delta version + 1 ──▶ …
 *                     ▲                                            │ gap, other life
 *                     └────────────────────────────────────────────┘
 *
 * A full set is believed only with the token of the last pull: one that an earlier life of the node sent, and that comes late,
 * has another. Within a life, versions only go up. So what is known of a node never goes back.
 */
import type { AnyRef } from "../ref.ts";
import type { Membership, PeerMessage } from "./receptionist-message.ts";

/** What a message of the other receptionist came to: keys whose groups changed, or that the whole set is wanted. */
export type PeerOutcome =
  | { readonly type: "changed"; readonly keys: ReadonlySet<string> }
  | { readonly type: "pull" }
  /** Late, doubled, or not asked for. */
  | { readonly type: "ignored" };

const IGNORED: PeerOutcome = { type: "ignored" };
const PULL: PeerOutcome = { type: "pull" };

export class RemoteMembers {
  /** Whether it has asked for this node's set, and so gets this node's changes. */
  listens = false;
  #life = "";
  #version = -1;
  /** The token of the pull that is not answered yet. */
  #token: string | null = null;
  readonly #byKey = new Map<string, Map<string, AnyRef>>();
  readonly #refOf: (path: string) => AnyRef;

  constructor(refOf: (path: string) => AnyRef) {
    this.#refOf = refOf;
  }

  get awaitsFull(): boolean {
    return this.#token !== null;
  }

  members(key: string): Iterable<AnyRef> {
    return this.#byKey.get(key)?.values() ?? [];
  }

  /** From here on only a full set with this token is believed. */
  pulled(token: string): void {
    this.#token = token;
  }

  /** Forgets every member; returns the keys of their groups. */
  clear(): ReadonlySet<string> {
    const keys = new Set(this.#byKey.keys());
    this.#byKey.clear();
    return keys;
  }

  full(message: PeerMessage & { readonly type: "peer-full" }): PeerOutcome {
    if (message.token !== this.#token) return IGNORED;
    this.#token = null;
    this.#life = message.life;
    this.#version = message.version;
    const before = new Map(this.#byKey);
    const keys = this.clear();
    this.#add(message.members);
    return {
      type: "changed",
      keys: new Set([...keys, ...this.#byKey.keys()].filter((key) => !this.#same(key, before))),
    };
  }

  delta(message: PeerMessage & { readonly type: "peer-delta" }): PeerOutcome {
    // The full set that is on its way holds it, or shows that it is missing.
    if (this.awaitsFull) return IGNORED;
    if (message.life !== this.#life || message.version > this.#version + 1) return PULL;
    if (message.version <= this.#version) return IGNORED;
    this.#version = message.version;
    for (const [key, path] of message.left) this.#remove(key, path);
    this.#add(message.joined);
    return { type: "changed", keys: new Set([...message.joined, ...message.left].map(([key]) => key)) };
  }

  version(message: PeerMessage & { readonly type: "peer-version" }): PeerOutcome {
    if (this.awaitsFull || (message.life === this.#life && message.version <= this.#version)) return IGNORED;
    return PULL;
  }

  #add(memberships: readonly Membership[]): void {
    for (const [key, path] of memberships) {
      const paths = this.#byKey.get(key) ?? new Map<string, AnyRef>();
      this.#byKey.set(key, paths);
      if (!paths.has(path)) paths.set(path, this.#refOf(path));
    }
  }

  #remove(key: string, path: string): void {
    const paths = this.#byKey.get(key);
    paths?.delete(path);
    if (paths?.size === 0) this.#byKey.delete(key);
  }

  #same(key: string, before: ReadonlyMap<string, ReadonlyMap<string, AnyRef>>): boolean {
    const was = before.get(key);
    const is = this.#byKey.get(key);
    return (
      was !== undefined && is !== undefined && was.size === is.size && [...is.keys()].every((path) => was.has(path))
    );
  }
}
