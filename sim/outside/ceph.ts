/**
 * A modelled Ceph below the modelled hypervisors: OSDs and monitors on their hosts, RBD images that guests write to.
 *
 *     host.ts, hypervisor.ts ─▶ guest-disks.ts: guests that write ─▶ ceph-client.ts: lock, watch, fence ─▶ ceph-image.ts
 *                                                                                                              │ header, data
 *     faults ─▶ this: OSDs end and are lost, room, slowness ─▶ ceph-map.ts: up, down, blocklist ─▶ ceph-group.ts: copies
 *
 * What the product has to do with it is in docs/disks.md: it starts guests and ends them. Who may write is decided here, as in production.
 */
import type { Random } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { CephClient, type LockWay } from "./ceph-client.ts";
import { PlacementGroup, type GroupWatcher, type Stall } from "./ceph-group.ts";
import { CephImage, NEW_DATA, NEW_HEADER } from "./ceph-image.ts";
import { CephMap, type CephHosts } from "./ceph-map.ts";

/** How it is set up; times in microseconds. */
export interface CephSettings {
  /** `size` and `min_size` of its pool; fewer where there are fewer hosts. */
  readonly replicas: number;
  readonly minReplicas: number;
  /** `osd_heartbeat_grace`, 20 s in production. */
  readonly graceUs: number;
  /** `osd_client_watch_timeout`, 30 s in production. */
  readonly watchTimeoutUs: number;
  readonly recoveryUs: number;
  /** Mean pause of a guest between two writes. */
  readonly writeEveryUs: number;
  /** Whether earlier runs are shut out before a start, and owners of locks that are broken. */
  readonly blocklists: boolean;
}

/** Told of what is done with images. */
export interface CephWatcher {
  onLocked(image: CephImage, client: string, way: LockWay): void;
  /** One that wants the lock does not have it; nothing else has been in the way since then. */
  onWaiting(image: CephImage, client: string, sinceUs: number): void;
  /** A write has landed, on a counter of `before`. */
  onWritten(
    image: CephImage,
    write: { readonly client: string; readonly writer: string; readonly before: number },
  ): void;
  /** A guest has been told that it is written, and has not seen its image before or left it at `left`. */
  onAcknowledged(
    image: CephImage,
    write: { readonly writer: string; readonly count: number; readonly left: number | null },
  ): void;
}

const HOSTS_MIN = 1;

type CephMet = Record<"belowMinSize" | "full" | "refused" | "degraded" | "recovered" | "osds", number>;

const NOTHING_MET: CephMet = { belowMinSize: 0, full: 0, refused: 0, degraded: 0, recovered: 0, osds: 0 };

/** Of a run: what its storage has met. Default: there is none. */
export function cephMarks(met: CephMet = NOTHING_MET): Readonly<Record<string, number>> {
  const { belowMinSize, full, refused, degraded, recovered, osds } = met;
  return {
    ...{ "writes stalled on full storage": full, "writes stalled below min_size": belowMinSize },
    ...{ "blocklisted writes refused": refused, "storage degraded": degraded, "storage recovered": recovered },
    "OSDs ended": osds,
  };
}

export class Ceph {
  readonly map: CephMap;
  readonly settings: CephSettings;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly images: Map<string, CephImage> = new Map();
  watcher: CephWatcher | null = null;
  readonly met: CephMet = { ...NOTHING_MET };
  readonly #groups: PlacementGroup<unknown>[] = [];
  #clients = 0;

  constructor(options: {
    readonly hosts: CephHosts;
    readonly timeline: Timeline;
    readonly random: Random;
    readonly settings: CephSettings;
  }) {
    const { hosts, timeline, random, settings } = options;
    this.timeline = timeline;
    this.random = random;
    this.settings = settings;
    this.map = new CephMap({ hosts, timeline, graceUs: settings.graceUs, onTick: (isNew) => this.#onTick(isNew) });
  }

  /** Made where there is none. */
  image(name: string): CephImage {
    let image = this.images.get(name);
    if (image !== undefined) return image;
    this.map.start();
    const onActive = (): void => image?.renewWatches(this.timeline.nowUs);
    image = new CephImage(
      name,
      this.#group(NEW_HEADER, onActive),
      this.#group(NEW_DATA, () => {}),
    );
    this.images.set(name, image);
    return image;
  }

  open(image: CephImage, host: number, { writer, vm }: { readonly writer: string; readonly vm: string }): CephClient {
    const { timeline, random, map, settings, watcher } = this;
    const { watchTimeoutUs, blocklists } = settings;
    if (watcher === null) throw new Error("Nobody watches what is done with images");
    const id = `client.${++this.#clients}`;
    const of = { timeline, random, map, watcher, watchTimeoutUs, blocklists };
    const client = new CephClient({ id, host, writer, vm, image, ...of });
    image.clients.set(id, client);
    timeline.note(`rbd-open ${host} ${image.name} ${id} ${writer}`);
    return client;
  }

  /** Puts these clients on the blocklist, which ends their watch. False where no monitors agree. */
  shutOut(image: CephImage, host: number, clients: readonly string[]): boolean {
    if (!this.settings.blocklists) return true;
    if (!this.map.hasQuorum(host)) return false;
    for (const client of clients) {
      this.map.blocklist.add(client);
      image.watches.delete(client);
      this.timeline.note(`shut-out ${image.name} ${client}`);
    }
    return true;
  }

  /** Why an image cannot be opened from there; null: it can. */
  whyNotOpen(image: CephImage, host: number): string | null {
    if (!this.map.hasQuorum(host)) return "no quorum of monitors is reached";
    const { primary, stall } = image.header;
    if (primary === undefined || !this.map.connects(host, primary)) return "its OSDs are not reached";
    return stall === "peering" || stall === "below min_size" ? "too few of its OSDs are up" : null;
  }

  /** Whether a guest there can write to an image, as far as storage goes. */
  isUsable(image: CephImage, host: number): boolean {
    const { map } = this;
    return (
      map.hasQuorum(host) &&
      [image.header, image.data].every(
        ({ isSound, primary }) => isSound && primary !== undefined && map.connects(host, primary),
      )
    );
  }

  /** An OSD's process ends, alone or with its host. */
  endOsd(host: number, isForGood: boolean): void {
    const osd = this.map.osds[host];
    if (osd === undefined) return;
    if (isForGood) osd.runs = false;
    osd.life += 1;
    this.met.osds += 1;
    for (const group of this.#groups) group.onOsdEnd(host);
  }

  startOsd(host: number): void {
    const osd = this.map.osds[host];
    if (osd !== undefined) osd.runs = true;
  }

  /** The disk of an OSD is lost with all that was on it. False where something that counts would be left without a copy. */
  loseOsd(host: number): boolean {
    if (this.#groups.some((group) => group.osds.includes(host) && group.copiesWithout(host) === 0)) return false;
    this.endOsd(host, true);
    for (const { header, data } of this.images.values()) {
      header.onOsdLoss(host, NEW_HEADER);
      data.onOsdLoss(host, NEW_DATA);
    }
    return true;
  }

  marks(): Readonly<Record<string, number>> {
    return cephMarks(this.met);
  }

  #onTick(isNew: boolean): void {
    for (const group of this.#groups) {
      if (isNew) group.onMap();
      group.retry();
    }
  }

  /** On hosts that are drawn, one copy each. */
  #group<State>(initial: State, onActive: () => void): PlacementGroup<State> {
    const { map, timeline, random, settings } = this;
    const left = map.osds.map(({ host }) => host);
    const count = Math.max(HOSTS_MIN, Math.min(settings.replicas, left.length));
    const osds = Array.from({ length: count }, () => left.splice(random.integer(left.length), 1)[0] as number);
    const { recoveryUs } = settings;
    const minReplicas = Math.min(settings.minReplicas, count);
    const group = new PlacementGroup({
      ...{ osds, initial, map, timeline, random },
      settings: { minReplicas, recoveryUs },
      watcher: this.#watcherOf(onActive),
    });
    this.#groups.push(group);
    return group;
  }

  #watcherOf(onActive: () => void): GroupWatcher {
    const { met } = this;
    return {
      onStall: (why: Stall) => {
        if (why === "full") met.full += 1;
        if (why === "below min_size") met.belowMinSize += 1;
      },
      onRefused: (client) => {
        met.refused += 1;
        this.timeline.note(`blocklisted ${client} refused`);
      },
      onDegraded: () => void (met.degraded += 1),
      onRecovered: () => void (met.recovered += 1),
      onActive,
    };
  }
}
