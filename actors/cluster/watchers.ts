/**
 * Watchers: who is told of changes, and up to which version each has been told.
 *
 * Each gets every change of its selection once, in order, with nothing left out: it starts from a whole selection or from
 * the feed, in the same step in which it is added. There is no flow control; a watcher stands on the same node and takes
 * what comes, or loses its place with its mailbox (a bounded one) and must subscribe again.
 */
import type { AnyRef, Context, Ref } from "../../runtime/index.ts";
import { KINDS, type Resource } from "../resources/index.ts";
import type { ChangeFeed, VersionedChanges } from "./change-feed.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { Change, Selection, WatchMessage } from "./replica-protocol.ts";

interface Watcher {
  readonly ref: Ref<WatchMessage>;
  readonly selection: Selection;
  /** May lie ahead of this replica when the watcher comes from another node. */
  told: number;
}

export class Watchers<in out Message> {
  readonly #ctx: Context<Message>;
  readonly #state: ClusterState;
  readonly #feed: ChangeFeed;
  readonly #watchers = new Map<string, Watcher>();

  constructor(options: { readonly ctx: Context<Message>; readonly state: ClusterState; readonly feed: ChangeFeed }) {
    this.#ctx = options.ctx;
    this.#state = options.state;
    this.#feed = options.feed;
  }

  /** Adds a watcher and brings it up to date; replaces an earlier subscription of the same one. */
  add(ref: Ref<WatchMessage>, selection: Selection, since: number | undefined): void {
    const backlog = since === undefined ? undefined : this.#feed.since(since);
    if (backlog === null) {
      this.remove(ref);
      this.#ctx.tell(ref, { type: "compacted", oldest: this.#feed.oldest });
      return;
    }
    const version = this.#state.applied;
    this.#watchers.set(ref.toString(), { ref, selection, told: Math.max(version, since ?? 0) });
    this.#ctx.watch(ref);
    if (backlog === undefined) {
      this.#ctx.tell(ref, { type: "synced", version, resources: this.#select(selection) });
    } else {
      const changes = selectChanges(backlog, selection);
      this.#ctx.tell(ref, { type: "changes", version: Math.max(version, since ?? 0), changes });
    }
  }

  remove(ref: AnyRef): void {
    if (this.#watchers.delete(ref.toString())) this.#ctx.unwatch(ref);
  }

  /** The state jumped to `version`: who was told less has lost its place, and may subscribe again. */
  jump(version: number): void {
    for (const { ref, told } of [...this.#watchers.values()]) {
      if (told >= version) continue;
      this.remove(ref);
      this.#ctx.tell(ref, { type: "compacted", oldest: this.#feed.oldest });
    }
  }

  /** Tells everybody what changed; `entries` are in order and newer than all before. */
  publish(entries: readonly VersionedChanges[]): void {
    const version = entries.at(-1)?.version;
    if (version === undefined) return;
    for (const watcher of this.#watchers.values()) {
      const { told } = watcher;
      watcher.told = Math.max(told, version);
      const changes = selectChanges(entries, watcher.selection, told);
      if (changes.length > 0) this.#ctx.tell(watcher.ref, { type: "changes", version, changes });
    }
  }

  #select(selection: Selection): readonly Resource[] {
    const kinds = selection.kinds.length === 0 ? KINDS : selection.kinds;
    return kinds.flatMap((kind) => {
      if (selection.name === undefined) return this.#state.list(kind);
      return this.#state.get(kind, selection.name) ?? [];
    });
  }
}

/** Plain loops: most of what a cluster that is at rest commits, renewals of leases, is asked about here for each watcher, and concerns few. */
function selectChanges(
  entries: readonly VersionedChanges[],
  selection: Selection,
  told = -1,
): VersionedChanges["changes"] {
  const selected: Change[] = [];
  for (const { version, changes } of entries) {
    if (version <= told) continue;
    for (const change of changes) if (isSelected(change.resource, selection)) selected.push(change);
  }
  return selected;
}

function isSelected({ kind, metadata }: Resource, { kinds, name }: Selection): boolean {
  return (name === undefined || metadata.name === name) && (kinds.length === 0 || kinds.includes(kind));
}
