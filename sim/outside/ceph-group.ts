/**
 * A placement group of a modelled Ceph that holds one object: copies of a value on OSDs of several hosts, changed by operations that its primary orders.
 *
 *     interval begins ─▶ peering: the newest copy counts ─▶ active, with enough of them ─▶ operations: on every copy, then acknowledged
 *                             └─▶ the others are refilled, which takes time ─▶ clean
 *
 * Operations wait in the primary's queue while fewer than `minReplicas` have what counts, while the storage is full, and while a copy is neither
 * heard nor marked down. A primary that ends loses its queue, and clients send again. What must hold: no interval begins on copies older than what was
 * acknowledged (Ceph asks past intervals; here the number of the last acknowledged change is asked, which lets go on no sooner).
 *
 * Sources: Ceph documentation, "Placement Group States", "Peering", "Pools" (`size`, `min_size`).
 */
import type { Random } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { BACKFILL_FULL, FULL, NEAR_FULL, type CephMap } from "./ceph-map.ts";

/** Why an operation waits. */
export type Stall = "peering" | "below min_size" | "full";

export interface CephOperation<State> {
  /** Whose it is. */
  readonly client: string;
  /** The value after it; the same one where it has been done before, or does nothing. */
  apply(state: State): State;
  /** It stands on the primary's disk. */
  landed(before: State): void;
  answer(result: "ok" | "blocklisted", state: State): void;
}

/** What groups tell. */
export interface GroupWatcher {
  onStall(why: Stall): void;
  onRefused(client: string): void;
  onDegraded(): void;
  onRecovered(): void;
  /** An interval can be worked in. */
  onActive(): void;
}

export interface GroupSettings {
  readonly minReplicas: number;
  /** Until a copy that is behind is refilled. */
  readonly recoveryUs: number;
}

interface Copy<State> {
  /** Of the interval it was written in, or has been worked with in, and within it. */
  readonly version: number;
  readonly state: State;
}

interface Waiting<State> {
  readonly operation: CephOperation<State>;
  readonly osd: number;
  isTold: boolean;
  /** Since when it is its turn; null: it is not yet. */
  turnUs: number | null;
}

interface Open<State> {
  readonly operation: CephOperation<State>;
  readonly primary: number;
  /** Since when it stands on every copy that must have it; null: it does not yet. */
  standsUs: number | null;
  /** What it takes from then on, where nothing is slow. */
  takesUs: number;
}

/** Versions of an interval are larger than all of earlier ones: what only a lost primary had does not come back when others have gone on. */
const INTERVAL_VERSIONS = 1_000_000_000;

const PEERING_MIN_US = 50_000;
const PEERING_SPREAD_US = 1_500_000;
/** Of one operation, on all copies. */
const WRITE_MIN_US = 400;
const WRITE_SPREAD_US = 2500;
/** That a disk which is twice as slow keeps an operation waiting. */
const WAIT_US = 1000;
/** From which slowness on a disk is taken to be hung. */
const HUNG = 100;
/** How many times longer where copies are being refilled, and where there is hardly any room. */
const DEGRADED_SLOWNESS = 3;
const NEAR_FULL_SLOWNESS = 10;
/** What peering and refilling wait for is looked at again. */
const AGAIN_US = 500_000;

export class PlacementGroup<State> {
  /** Hosts of its OSDs, the first one is preferred as primary. */
  readonly osds: readonly number[];
  readonly #map: CephMap;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #settings: GroupSettings;
  readonly #watcher: GroupWatcher;
  readonly #copies = new Map<number, Copy<State>>();
  /** Those that are up, and of them those that have what counts. */
  #up: readonly number[];
  #current: readonly number[];
  #isPeered = true;
  #interval = 0;
  #acknowledged = 0;
  #queue: Waiting<State>[] = [];
  /** On some copies, and not acknowledged. */
  #open: Open<State> | null = null;

  constructor(options: {
    readonly osds: readonly number[];
    readonly initial: State;
    readonly map: CephMap;
    readonly timeline: Timeline;
    readonly random: Random;
    readonly settings: GroupSettings;
    readonly watcher: GroupWatcher;
  }) {
    this.osds = options.osds;
    this.#map = options.map;
    this.#timeline = options.timeline;
    this.#random = options.random;
    this.#settings = options.settings;
    this.#watcher = options.watcher;
    for (const osd of options.osds) this.#copies.set(osd, { version: 0, state: options.initial });
    this.#up = this.#current = options.osds;
    this.onMap();
  }

  /** Whom clients send operations to; undefined: no OSD of it is up. */
  get primary(): number | undefined {
    return this.#isPeered ? this.#current[0] : this.#up[0];
  }

  /** The newest that is on any disk. */
  get state(): State {
    return [...this.#copies.values()].reduce((one, other) => (other.version > one.version ? other : one)).state;
  }

  /** Why nothing can be written now, whoever asks; null: nothing is in the way. */
  get stall(): Stall | null {
    const primary = this.#current[0];
    if (!this.#isPeered || primary === undefined || !this.#map.serves(primary)) return "peering";
    if (this.#current.length < this.#settings.minReplicas) return "below min_size";
    return this.#map.used >= FULL ? "full" : null;
  }

  /** Whether each change could be acknowledged soon: all copies that must have it are heard, on disks that are not as good as hung. */
  get isSound(): boolean {
    const primary = this.#current[0];
    const takesPart = (osd: number): boolean => this.#hears(primary as number, osd) && this.#slownessOf(osd) < HUNG;
    return this.stall === null && this.#current.every(takesPart);
  }

  /** How many copies a lost one leaves of what counts; what is behind counts for nothing. */
  copiesWithout(lost: number): number {
    const newest = Math.max(...[...this.#copies.values()].map(({ version }) => version));
    return this.osds.filter((osd) => osd !== lost && this.#copy(osd).version === newest).length;
  }

  /** An operation arrives at an OSD; one that is not the primary drops it. */
  deliver(operation: CephOperation<State>, osd: number): void {
    if (osd !== this.primary || !this.#map.serves(osd)) return;
    if (this.#queue.some((waiting) => waiting.operation === operation)) return;
    this.#queue.push({ operation, osd, isTold: false, turnUs: null });
    this.#serve();
  }

  /** An OSD's process has ended, and what it had in memory is gone. */
  onOsdEnd(osd: number): void {
    this.#queue = this.#queue.filter((waiting) => waiting.osd !== osd);
    if (this.#open?.primary === osd) this.#open = null;
  }

  /** An OSD's disk is another one. */
  onOsdLoss(osd: number, initial: State): void {
    if (this.#copies.has(osd)) this.#copies.set(osd, { version: -1, state: initial });
  }

  /** OSDs went up or down. */
  onMap(): void {
    const up = this.osds.filter((osd) => this.#map.osds[osd]?.up === true);
    if (up.join() === this.#up.join()) return;
    this.#up = up;
    this.#isPeered = false;
    this.#interval += 1;
    const peeringUs = PEERING_MIN_US + this.#random.integer(PEERING_SPREAD_US);
    if (up.length > 0) this.#later(peeringUs, () => this.#peer());
  }

  /** Looks again at what waits. */
  retry(): void {
    if (this.#open !== null) this.#acknowledge(this.#open);
    this.#replicate();
    this.#serve();
  }

  #peer(): void {
    const [first] = this.#up;
    const isComplete = this.#up.every((osd) => this.#map.serves(osd) && this.#hears(first as number, osd));
    const newest = Math.max(...this.#up.map((osd) => this.#copy(osd).version));
    if (!isComplete || newest < this.#acknowledged) return this.#later(AGAIN_US, () => this.#peer());
    this.#isPeered = true;
    this.#current = this.#up.filter((osd) => this.#copy(osd).version === newest);
    if (this.#current.length >= this.#settings.minReplicas) this.#activate(newest);
    const { primary } = this;
    this.#queue = this.#queue.filter(({ osd }) => osd === primary);
    if (this.#open !== null && this.#open.primary !== primary) this.#open = null;
    if (this.#current.length < this.osds.length) this.#watcher.onDegraded();
    for (const osd of this.#up) if (!this.#current.includes(osd)) this.#refillSoon(osd, this.#settings.recoveryUs);
    if (this.#current.length === this.osds.length) this.#watcher.onRecovered();
    if (this.stall === null) this.#watcher.onActive();
    this.retry();
  }

  #activate(newest: number): void {
    const version = Math.max(newest, this.#interval * INTERVAL_VERSIONS);
    for (const osd of this.#current) this.#copies.set(osd, { version, state: this.#copy(osd).state });
  }

  #refillSoon(osd: number, delayUs: number): void {
    this.#later(delayUs, () => {
      const { primary } = this;
      const isPossible = primary !== undefined && this.#map.serves(osd) && this.#hears(primary, osd);
      if (!isPossible || this.#map.used >= BACKFILL_FULL) return this.#refillSoon(osd, AGAIN_US);
      const wasActive = this.stall === null;
      this.#copies.set(osd, this.#copy(primary));
      // Behind the primary, which may have something open.
      this.#current = [...this.#current, osd];
      if (this.#current.length === this.#settings.minReplicas) this.#activate(this.#copy(primary).version);
      if (!wasActive && this.stall === null) this.#watcher.onActive();
      if (this.#current.length === this.osds.length) this.#watcher.onRecovered();
      this.retry();
    });
  }

  #serve(): void {
    while (this.#open === null) {
      const [next] = this.#queue;
      if (next === undefined) return;
      const { stall } = this;
      if (stall !== null) {
        if (!next.isTold) this.#watcher.onStall(stall);
        next.isTold = true;
        return;
      }
      if (!this.#isReady(next)) return;
      this.#queue.shift();
      this.#carryOut(next.operation);
    }
  }

  /** A slow disk keeps an operation waiting before anything of it is done. */
  #isReady(next: Waiting<State>): boolean {
    const { nowUs } = this.#timeline;
    const waitUs = WAIT_US * (this.#slownessOf(next.osd) - 1);
    if (next.turnUs === null && waitUs > 0) this.#timeline.after(waitUs, () => this.#serve());
    next.turnUs ??= nowUs;
    return nowUs - next.turnUs >= Math.floor(waitUs);
  }

  #slownessOf(osd: number): number {
    return this.#map.osds[osd]?.slowness ?? 1;
  }

  #carryOut(operation: CephOperation<State>): void {
    const primary = this.#current[0] as number;
    const { version, state } = this.#copy(primary);
    if (this.#map.blocklist.has(operation.client)) {
      this.#watcher.onRefused(operation.client);
      operation.answer("blocklisted", state);
      return;
    }
    const after = operation.apply(state);
    if (after === state) return operation.answer("ok", state);
    this.#copies.set(primary, { version: version + 1, state: after });
    this.#open = { operation, primary, standsUs: null, takesUs: 0 };
    operation.landed(state);
    this.#replicate();
  }

  /** Brings what is open to every copy that must have it, and acknowledges it when all do. */
  #replicate(): void {
    const open = this.#open;
    if (open === null || open.standsUs !== null || !this.#isPeered) return;
    const newest = this.#copy(open.primary);
    for (const osd of this.#current) {
      if (this.#map.serves(osd) && this.#hears(open.primary, osd)) this.#copies.set(osd, newest);
    }
    const isActive = this.#current.length >= this.#settings.minReplicas && this.#map.serves(open.primary);
    if (!isActive || this.#current.some((osd) => this.#copy(osd).version !== newest.version)) return;
    open.standsUs = this.#timeline.nowUs;
    open.takesUs = WRITE_MIN_US + this.#random.integer(WRITE_SPREAD_US);
    this.#timeline.after(open.takesUs * this.#slowness(), () => this.#acknowledge(open));
  }

  /** Unless it takes longer by now. */
  #acknowledge(open: Open<State>): void {
    if (this.#open !== open || open.standsUs === null) return;
    if (this.#timeline.nowUs - open.standsUs < Math.floor(open.takesUs * this.#slowness())) return;
    const { version, state } = this.#copy(open.primary);
    this.#open = null;
    this.#acknowledged = Math.max(this.#acknowledged, version);
    open.operation.answer("ok", state);
    this.#serve();
  }

  /** Of the slowest disk that takes part, while there is little room, while copies are refilled. */
  #slowness(): number {
    const slowest = Math.max(...this.#current.map((osd) => this.#slownessOf(osd)));
    const degraded = this.#current.length < this.osds.length ? DEGRADED_SLOWNESS : 1;
    return slowest * degraded * (this.#map.used >= NEAR_FULL ? NEAR_FULL_SLOWNESS : 1);
  }

  #hears(one: number, other: number): boolean {
    return one === other || this.#map.connects(one, other);
  }

  #copy(osd: number): Copy<State> {
    return this.#copies.get(osd) as Copy<State>;
  }

  /** Unless another interval begins before. */
  #later(delayUs: number, run: () => void): void {
    const interval = this.#interval;
    this.#timeline.after(delayUs, () => {
      if (this.#interval === interval) run();
    });
  }
}
