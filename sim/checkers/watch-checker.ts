/**
 * Watches tell the truth: each change once, in order, with none left out that nobody told of; what they amount to is the map.
 *
 * Watches are compared with each other, wherever they were: after a version of a VM comes the same next one for all (the chronicle). And they are compared
 * with what was acknowledged: a change that a user was told of stands in the history of every watch over that version.
 */
import type { Resource, Vm, WatchMessage } from "../../actors/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** What one watch has been told since it last began with the whole. */
export interface Watched {
  readonly name: string;
  /** Told of everything up to here. */
  version: number;
  /** Where it began with the whole; null before it did. */
  from: number | null;
  /** By name: the version that the watch has of it. */
  readonly vms: Map<string, number>;
  /** VMs that went, by name: the last version that they had. */
  readonly gone: Map<string, number>;
  /** Versions of all puts since `from`. */
  readonly seen: Set<number>;
}

type Changes = Extract<WatchMessage, { readonly type: "changes" }>;

export class WatchChecker {
  changes = 0;
  readonly #timeline: Timeline;
  /** What comes after a version of a VM: the next version, or -1 for its end. */
  readonly #chronicle = new Map<string, number>();
  /** Versions at which users changed a VM, as they were told. */
  readonly #acknowledged: number[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  onAcknowledged(version: number): void {
    this.#acknowledged.push(version);
  }

  /** The watch begins with the whole. */
  onSynced(watched: Watched, version: number, resources: readonly Resource[]): void {
    this.#checkSeen(watched);
    watched.from = version;
    watched.version = version;
    watched.vms.clear();
    watched.gone.clear();
    watched.seen.clear();
    for (const { metadata } of resources) watched.vms.set(metadata.name, metadata.version);
  }

  onChanges(watched: Watched, { version, changes }: Changes): void {
    // A replica that lags behind the place of the watch tells again what it knows.
    if (version <= watched.version) return;
    let last = watched.version;
    for (const { type, resource } of changes) {
      this.changes += 1;
      if (type === "delete") this.#onGone(watched, resource);
      else last = this.#onPut(watched, resource, { last, version });
    }
    watched.version = version;
  }

  /** The watch is up to date with the replica that it watches. */
  checkEnd(watched: Watched, vms: readonly Vm[]): void {
    this.#checkSeen(watched);
    const wanted = vms.map(({ metadata }) => `${metadata.name}@${metadata.version}`);
    const found = [...watched.vms].map(([name, version]) => `${name}@${version}`);
    const wrong = symmetricDifference(wanted, found);
    if (wrong.length === 0) return;
    this.#fail(watched, `ends with ${wrong.join(", ")} otherwise than the map of its node at ${watched.version}`);
  }

  #onPut(watched: Watched, resource: Resource, { last, version }: { last: number; version: number }): number {
    const { name, version: at } = resource.metadata;
    if (at < last || at <= watched.version || at > version) {
      this.#fail(watched, `is told of version ${at} of VM "${name}" after ${last}, in news up to ${version}`);
    }
    const before = watched.vms.get(name);
    const ended = watched.gone.get(name);
    if (before !== undefined) this.#note(watched, `${name} ${before}`, at);
    else if (ended !== undefined) this.#note(watched, `${name} after ${ended}`, at);
    watched.vms.set(name, at);
    watched.gone.delete(name);
    watched.seen.add(at);
    return at;
  }

  #onGone(watched: Watched, { metadata: { name } }: Resource): void {
    const before = watched.vms.get(name);
    if (before === undefined) return this.#fail(watched, `is told of the end of VM "${name}", which it never had`);
    this.#note(watched, `${name} ${before}`, -1);
    watched.vms.delete(name);
    watched.gone.set(name, before);
  }

  #note(watched: Watched, key: string, next: number): void {
    const known = this.#chronicle.get(key);
    if (known === undefined) this.#chronicle.set(key, next);
    else if (known !== next) this.#fail(watched, `goes on from ${key} to ${next}; another watch was told of ${known}`);
  }

  #checkSeen({ from, version, seen, name }: Watched): void {
    if (from === null) return;
    const missed = this.#acknowledged.find((at) => at > from && at <= version && !seen.has(at));
    if (missed === undefined) return;
    this.#fail({ name }, `was told of all from ${from} to ${version}, but not of ${missed}, which a user was told of`);
  }

  #fail({ name }: Pick<Watched, "name">, message: string): void {
    this.#timeline.fail("watches-are-complete", `Watch ${name} ${message}`);
  }
}

function symmetricDifference(one: readonly string[], other: readonly string[]): readonly string[] {
  const [a, b] = [new Set(one), new Set(other)];
  return [...one.filter((item) => !b.has(item)), ...other.filter((item) => !a.has(item))];
}
