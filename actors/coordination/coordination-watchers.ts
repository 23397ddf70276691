/**
 * Who is told of sessions, leases and shards by this node's replica. Each gets every change of its selection once, in
 * order, from the step on in which it subscribed. Like the watchers of resources they take what comes, without flow control.
 */
import type { AnyRef, Context, Ref } from "../../runtime/index.ts";
import type { CoordinationNews, CoordinationSelection } from "./coordination-news.ts";
import { subjectOf, type CoordinationChange, type CoordinationRecord } from "./coordination-record.ts";
import type { CoordinationTables } from "./coordination-tables.ts";

interface Watcher {
  readonly ref: Ref<CoordinationNews>;
  readonly selection: CoordinationSelection;
}

export class CoordinationWatchers<in out Message> {
  readonly #ctx: Context<Message>;
  readonly #watchers = new Map<string, Watcher>();

  constructor(ctx: Context<Message>) {
    this.#ctx = ctx;
  }

  /** Replaces an earlier subscription of the same actor. */
  add(watcher: Watcher, tables: CoordinationTables, version: number): void {
    const { ref } = watcher;
    this.#watchers.set(ref.toString(), watcher);
    this.#ctx.watch(ref);
    this.#sync(watcher, tables, version);
  }

  /** The state jumped: everybody is told all that stands of its selection. */
  jump(tables: CoordinationTables, version: number): void {
    for (const watcher of this.#watchers.values()) this.#sync(watcher, tables, version);
  }

  remove(ref: AnyRef): void {
    if (this.#watchers.delete(ref.toString())) this.#ctx.unwatch(ref);
  }

  publish(changes: readonly CoordinationChange[], version: number): void {
    if (changes.length === 0) return;
    for (const { ref, selection } of this.#watchers.values()) {
      const selected = changes.filter(({ record }) => isSelected(record, selection));
      if (selected.length > 0) this.#ctx.tell(ref, { type: "coordination-changed", version, changes: selected });
    }
  }

  #sync({ ref, selection }: Watcher, tables: CoordinationTables, version: number): void {
    const records = selection.kinds
      .flatMap((kind): readonly CoordinationRecord[] => tables.list(kind))
      .filter((record) => isSelected(record, selection));
    this.#ctx.tell(ref, { type: "coordination-synced", version, records });
  }
}

function isSelected(record: CoordinationRecord, { kinds, subject }: CoordinationSelection): boolean {
  return kinds.includes(record.kind) && (subject === undefined || subjectOf(record) === subject);
}
