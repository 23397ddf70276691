/**
 * The map of a modelled Ceph: which OSDs are up, which clients are on the blocklist, how full it is; and the monitors that agree on it.
 *
 *     an OSD ends, loses power, is cut off ─▶ nobody hears it for the grace ─▶ down in the map ─▶ placement groups begin a new interval
 *
 * One OSD and one monitor on each host, which is the failure domain. Monitors are no Paxos here: there is a quorum while one of them hears a majority, and
 * what it agrees on all OSDs know at once. That is enough where OSDs that miss a change can do nothing by themselves: a write needs each member of its
 * group, and who takes a lock has told them of the blocklist by the epoch of its next operation. An OSD is heard when the monitor that leads hears it
 * and fewer than two others miss it (`mon_osd_min_down_reporters`). Nothing is marked out: that takes ten minutes, longer than runs last.
 *
 * Sources: Ceph documentation, "Monitor Config Reference", "Configuring Monitor/OSD Interaction", "Storage Capacity", `ceph osd blocklist`.
 */
import type { Timeline } from "../timeline/timeline.ts";

/** What the machines are to Ceph. */
export interface CephHosts {
  readonly count: number;
  /** Whether a stream from one to the other gets on, both ways. */
  reaches(from: number, to: number): boolean;
  isPowered(host: number): boolean;
  /** Counts losses of power. */
  powerEpoch(host: number): number;
}

export interface Osd {
  readonly host: number;
  /** Its process, apart from the power of its host. */
  runs: boolean;
  /** Counts its ends. */
  life: number;
  /** In the map. */
  up: boolean;
  /** How many times longer its disk takes; 1 where nothing is wrong. */
  slowness: number;
}

interface Known {
  life: number;
  silentUs: number | null;
  heardUs: number | null;
}

/** Shares of the capacity in use from which on writes are slow, nothing is refilled, and nothing is written (Ceph's defaults). */
export const NEAR_FULL = 0.85;
export const BACKFILL_FULL = 0.9;
export const FULL = 0.95;

/** How often heartbeats are looked at. */
const TICK_US = 1_000_000;
/** A connection that is refused needs no grace. */
const REFUSED_US = 1_000_000;
/** From its start until an OSD is up. */
const BOOT_US = 2_000_000;
/** As many others must miss an OSD whom the monitors hear. */
const REPORTERS_MIN = 2;

export class CephMap {
  /** Share of the capacity in use. */
  used = 0.3;
  readonly osds: readonly Osd[];
  readonly blocklist: Set<string> = new Set();
  readonly hosts: CephHosts;
  readonly #timeline: Timeline;
  readonly #graceUs: number;
  readonly #onTick: (isNew: boolean) => void;
  /** Of an OSD: the life that the map knows, since when nobody hears it, since when it is heard while it is down. */
  readonly #known: Known[];
  #ticks = false;

  /** @param onTick asked each second, and told whether OSDs went up or down */
  constructor(options: {
    readonly hosts: CephHosts;
    readonly timeline: Timeline;
    readonly graceUs: number;
    readonly onTick: (isNew: boolean) => void;
  }) {
    this.hosts = options.hosts;
    this.#timeline = options.timeline;
    this.#graceUs = options.graceUs;
    this.#onTick = options.onTick;
    this.osds = Array.from({ length: options.hosts.count }, (_, host) => ({
      host,
      runs: true,
      life: 0,
      up: true,
      slowness: 1,
    }));
    this.#known = this.osds.map(() => ({ life: 0, silentUs: null, heardUs: null }));
  }

  /** From now on heartbeats are looked at. */
  start(): void {
    if (this.#ticks) return;
    this.#ticks = true;
    this.#timeline.after(TICK_US, () => this.#tick());
  }

  /** Whether its process runs. */
  isAlive(host: number): boolean {
    return this.osds[host]?.runs === true && this.hosts.isPowered(host);
  }

  /** Whether it is the one that the map knows: one that has begun anew must be marked down and up before it takes part. */
  serves(host: number): boolean {
    return this.isAlive(host) && this.#known[host]?.life === this.osds[host]?.life;
  }

  /** Whether two hosts hear each other, power included. */
  connects(one: number, other: number): boolean {
    const { hosts } = this;
    return hosts.isPowered(one) && hosts.isPowered(other) && hosts.reaches(one, other);
  }

  /** The host whose monitor leads; undefined without a quorum. */
  leader(): number | undefined {
    const all = this.osds.map(({ host }) => host);
    const majority = Math.floor(all.length / 2) + 1;
    return all.find((one) => all.filter((other) => this.connects(one, other)).length >= majority);
  }

  /** Whether something at that host can have the map changed. */
  hasQuorum(host: number): boolean {
    const leader = this.leader();
    return leader !== undefined && this.connects(leader, host);
  }

  #tick(): void {
    this.#timeline.after(TICK_US, () => this.#tick());
    const leader = this.leader();
    const isNew = leader !== undefined && this.osds.filter((osd) => this.#judge(osd, leader)).length > 0;
    this.#onTick(isNew);
  }

  /** Whether it changed in the map. */
  #judge(osd: Osd, leader: number): boolean {
    const { nowUs } = this.#timeline;
    const { host } = osd;
    const known = this.#known[host] as Known;
    const isHeard = this.isAlive(host) && this.#isHeard(host, leader);
    if (!osd.up) {
      known.heardUs = isHeard && known.life === osd.life ? (known.heardUs ?? nowUs) : null;
      known.life = osd.life;
      if (known.heardUs === null || nowUs - known.heardUs < BOOT_US) return false;
      return this.#mark(osd, true);
    }
    if (isHeard && known.life === osd.life) {
      known.silentUs = null;
      return false;
    }
    known.silentUs ??= nowUs;
    const isRefused = known.life !== osd.life && this.connects(leader, host);
    if (nowUs - known.silentUs < (isRefused ? REFUSED_US : this.#graceUs)) return false;
    known.life = osd.life;
    return this.#mark(osd, false);
  }

  #isHeard(host: number, leader: number): boolean {
    if (!this.connects(leader, host)) return false;
    const missing = this.osds.filter(
      ({ host: other, up }) => up && other !== host && this.isAlive(other) && !this.connects(other, host),
    );
    return missing.length < REPORTERS_MIN;
  }

  #mark(osd: Osd, up: boolean): true {
    osd.up = up;
    const known = this.#known[osd.host];
    if (known !== undefined) known.silentUs = known.heardUs = null;
    this.#timeline.note(`osd-${up ? "up" : "down"} ${osd.host}`);
    return true;
  }
}
