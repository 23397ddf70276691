/**
 * One guest's use of an RBD image, as librbd has it in its hypervisor: watches the header, takes the exclusive lock before it writes, gives it up when it
 * is asked to, and takes it from an owner that is gone.
 *
 *     write ─▶ lock free? ──────────────────────────────────────▶ taken
 *                └ owned, and the owner's watch is heard of ─▶ asked to give it up, which it does after what it has under way ─▶ taken
 *                └ owned, and the watch has timed out ─▶ its client is put on the blocklist ─▶ lock broken ─▶ taken
 *
 * What was sent lives on without the one who sent it: it stands in the primary's queue, or in the socket of a host that is cut off, and lands later. It is
 * lost with the power of its host, and with the connection. All of it is an operation once, however often it is sent.
 *
 * Sources: Ceph documentation, "RBD Exclusive Locks" (automatic transitions, breaking and fencing), `rbd_blocklist_on_break_lock`,
 * `osd_client_watch_timeout`.
 */
import type { Random } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import type { CephOperation, PlacementGroup } from "./ceph-group.ts";
import { counted, type CephImage, type ImageHeader } from "./ceph-image.ts";
import type { CephMap } from "./ceph-map.ts";
import type { CephWatcher } from "./ceph.ts";

/** How a lock came to its owner. */
export type LockWay = "free" | "given up" | "broken";

export interface CephClientOptions {
  /** Never used twice. */
  readonly id: string;
  readonly host: number;
  /** The guest, for stamps, and whose it is. */
  readonly writer: string;
  readonly vm: string;
  readonly image: CephImage;
  readonly map: CephMap;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly watcher: CephWatcher;
  readonly watchTimeoutUs: number;
  /** Whether the client whose lock is broken is put on the blocklist first (`rbd_blocklist_on_break_lock`). */
  readonly blocklists: boolean;
}

/** Clients say so many times within the time of a watch that they are there: each 5 s where it is 30 s. */
const PINGS = 6;
/** From host to host. */
const WAY_MIN_US = 50;
const WAY_SPREAD_US = 500;
/** TCP tries again; a client sends again what is not answered, over whatever connection there is then. */
const RETRANSMIT_US = 200_000;
const RESEND_US = 1_000_000;
/** An owner is asked for the lock again. */
const ASK_AGAIN_US = 500_000;
/** What monitors take to agree upon a change. */
const AGREE_MIN_US = 10_000;
const AGREE_SPREAD_US = 150_000;

export class CephClient {
  readonly id: string;
  readonly host: number;
  readonly vm: string;
  isAlive = true;
  /** What is under way is not answered yet. */
  isBusy = false;
  readonly #options: CephClientOptions;
  #holds = false;
  #isAsked = false;
  /** Who waits until the lock is given up; null: it is not being given up. */
  #afterGivingUp: (() => void)[] | null = null;
  #number = 0;
  /** Something was in the way when the lock was last asked for. */
  #waitsSinceUs = 0;
  #way: LockWay = "free";

  constructor(options: CephClientOptions) {
    this.id = options.id;
    this.host = options.host;
    this.vm = options.vm;
    this.#options = options;
    this.#ping();
  }

  /** One more is in the image, or its guest is told of an I/O error. Nobody writes twice at a time. */
  write(done: (result: "ok" | "blocklisted", count: number) => void): void {
    const { image, watcher, writer } = this.#options;
    this.isBusy = true;
    this.#withLock((isTaken) => {
      if (!isTaken) return this.#answered(() => done("blocklisted", 0));
      const number = ++this.#number;
      const stamp = { client: this.id, number, writer };
      this.#send(image.data, {
        client: this.id,
        apply: (data) => ((data.done.get(this.id) ?? 0) >= number ? data : counted(data, stamp)),
        landed: (before) => watcher.onWritten(image, { client: this.id, writer, before: before.count }),
        answer: (result, { count }) => this.#answered(() => done(result, count)),
      });
    });
  }

  /** Somebody else wants to write. */
  ask(): void {
    if (!this.#holds) return;
    this.#isAsked = true;
    if (!this.isBusy) this.#giveUp(() => {});
  }

  /** The hypervisor ends in order: it gives up what it has, unless something is in the way. */
  close(): void {
    const { image } = this.#options;
    const end = (): void => {
      this.kill();
      image.watches.delete(this.id);
    };
    if (this.isBusy || image.header.stall !== null) this.kill();
    else if (this.#holds) this.#giveUp(end);
    else end();
  }

  /** The hypervisor is gone; its watch and its lock stay until others miss it. */
  kill(): void {
    this.isAlive = false;
  }

  #answered(run: () => void): void {
    this.isBusy = false;
    if (this.#isAsked && this.isAlive) this.#giveUp(() => {});
    if (this.isAlive) run();
  }

  #ping(): void {
    const { image, timeline, map, watchTimeoutUs } = this.#options;
    if (!this.isAlive) return;
    const { primary } = image.header;
    const isHeard = primary !== undefined && map.connects(this.host, primary) && !map.blocklist.has(this.id);
    if (isHeard) image.watches.set(this.id, timeline.nowUs);
    timeline.after(watchTimeoutUs / PINGS, () => this.#ping());
  }

  #giveUp(done: () => void): void {
    const { image } = this.#options;
    this.#holds = false;
    this.#isAsked = false;
    this.#afterGivingUp = [done];
    this.#send(image.header, {
      client: this.id,
      apply: (header) => (header.owner === this.id ? { owner: null } : header),
      landed: () => {},
      answer: () => {
        const waiting = this.#afterGivingUp ?? [];
        this.#afterGivingUp = null;
        for (const run of waiting) run();
      },
    });
  }

  #withLock(run: (isTaken: boolean) => void): void {
    if (this.#holds) return run(true);
    if (this.#afterGivingUp !== null) return void this.#afterGivingUp.push(() => this.#withLock(run));
    this.#waitsSinceUs = this.#options.timeline.nowUs;
    this.#way = "free";
    this.#take(run);
  }

  #take(run: (isTaken: boolean) => void): void {
    const { image, watcher, map, timeline } = this.#options;
    const askedUs = timeline.nowUs;
    this.#send(image.header, {
      client: this.id,
      apply: (header) => (header.owner === null ? { owner: this.id } : header),
      // Who owns it watches.
      landed: () => void image.watches.set(this.id, timeline.nowUs),
      answer: (result, { owner }) => {
        if (result === "blocklisted") return run(false);
        if (owner === this.id) {
          this.#holds = true;
          watcher.onLocked(image, this.id, this.#way);
          return run(true);
        }
        const again = (): void => this.#later(ASK_AGAIN_US, () => this.#take(run));
        const isSlow = timeline.nowUs - askedUs > ASK_AGAIN_US;
        if (isSlow || !image.header.isSound || !map.hasQuorum(this.host)) this.#waitsSinceUs = timeline.nowUs;
        watcher.onWaiting(image, this.id, this.#waitsSinceUs);
        if (owner === null) return again();
        if (this.#isGone(owner)) this.#fence(owner, () => this.#breakLock(owner, () => this.#take(run)), again);
        else this.#askOwner(owner, again);
      },
    });
  }

  /** The watch of who owns the lock has timed out. */
  #isGone(owner: string): boolean {
    const { image, timeline, watchTimeoutUs } = this.#options;
    const heardUs = image.watches.get(owner);
    return heardUs === undefined || timeline.nowUs - heardUs > watchTimeoutUs;
  }

  #askOwner(owner: string, then: () => void): void {
    const { image, map } = this.#options;
    this.#later(this.#wayUs(), () => {
      const other = image.clients.get(owner);
      const { primary } = image.header;
      if (other?.isAlive === true && primary !== undefined && map.connects(other.host, primary)) {
        this.#way = "given up";
        other.ask();
      }
      then();
    });
  }

  /** Whoever still has something under way must not land it any more. */
  #fence(owner: string, run: () => void, again: () => void): void {
    const { map, blocklists, random, timeline } = this.#options;
    if (!blocklists) return run();
    this.#later(AGREE_MIN_US + random.integer(AGREE_SPREAD_US), () => {
      if (!map.hasQuorum(this.host)) return again();
      map.blocklist.add(owner);
      timeline.note(`blocklist ${owner}`);
      run();
    });
  }

  #breakLock(owner: string, run: () => void): void {
    const { image } = this.#options;
    this.#way = "broken";
    this.#send(image.header, {
      client: this.id,
      apply: (header: ImageHeader) => (header.owner === owner ? { owner: null } : header),
      landed: () => void image.watches.delete(owner),
      answer: run,
    });
  }

  /** Until it is answered, or nobody is there any more to hear the answer. */
  #send<State>(group: PlacementGroup<State>, operation: CephOperation<State>): void {
    const { map, timeline } = this.#options;
    const powerEpoch = map.hosts.powerEpoch(this.host);
    let isAnswered = false;
    /** The OSD that a connection stands to, and which life of it. */
    let socket: { readonly osd: number; readonly life: number } | null = null;
    const sent: CephOperation<State> = {
      ...operation,
      answer: (result, state) => {
        const { primary } = group;
        if (isAnswered || primary === undefined || !map.connects(primary, this.host)) return;
        isAnswered = true;
        this.#later(this.#wayUs(), () => operation.answer(result, state));
      },
    };
    const transmit = (): void => {
      if (isAnswered || map.hosts.powerEpoch(this.host) !== powerEpoch) return;
      if (this.isAlive) {
        const { primary } = group;
        const osd = primary === undefined ? undefined : map.osds[primary];
        socket = osd === undefined ? null : { osd: osd.host, life: osd.life };
      }
      const isLost = socket !== null && map.osds[socket.osd]?.life !== socket.life;
      if (!this.isAlive && (socket === null || isLost)) return;
      if (socket === null || isLost || !map.connects(this.host, socket.osd)) {
        timeline.after(RETRANSMIT_US, transmit);
        return;
      }
      const { osd } = socket;
      timeline.after(this.#wayUs(), () => {
        group.deliver(sent, osd);
        if (this.isAlive) timeline.after(RESEND_US, transmit);
      });
    };
    transmit();
  }

  #wayUs(): number {
    return WAY_MIN_US + this.#options.random.integer(WAY_SPREAD_US);
  }

  /** While it runs. */
  #later(delayUs: number, run: () => void): void {
    this.#options.timeline.after(delayUs, () => {
      if (this.isAlive) run();
    });
  }
}
