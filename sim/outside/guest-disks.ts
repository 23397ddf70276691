/**
 * Guests with an RBD disk, on all hosts: what they write, and what becomes of their hypervisor's client of the image.
 *
 *     starts ─▶ earlier runs are shut out, the image is opened ─▶ boots: takes it, sees what is there ─▶ one more, again and again ─▶ shut down: closed; killed: left as it is
 *                                        └─ moves: its processors stand still when nothing is under way any more; the other side takes the lock
 *
 * A guest whose disk stands still runs on: its kernel answers who connects to a port, and nothing that needs the disk answers.
 */
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { CephClient } from "./ceph-client.ts";
import type { Stall } from "./ceph-group.ts";
import type { CephImage } from "./ceph-image.ts";
import type { Ceph } from "./ceph.ts";
import type { Guest } from "./guest.ts";
import type { Host } from "./host.ts";

interface GuestDisk {
  readonly host: number;
  readonly guest: Guest;
  readonly image: CephImage;
  readonly client: CephClient;
  /** Its stamp. */
  readonly writer: string;
  /** Since when it waits for what it writes; null: it does not. */
  sinceUs: number | null;
  /** Something is to be written, now or later. */
  isWriting: boolean;
  /** It was told of an I/O error and writes no more. */
  isBroken: boolean;
}

/** A service answers as long as its disk does so soon. */
const STALL_US = 1_000_000;

const STALLS: Readonly<Record<Stall, string>> = {
  peering: "its OSDs do not hear each other, or are gone",
  "below min_size": "fewer of its OSDs are up than its pool needs",
  full: "the storage is full",
};

/** What it takes to shut a client out, as measured (docs/decisions/0040-who-writes-to-an-rbd-image.md). */
const SHUT_OUT_US = 1_000_000;

/** An image that does not open is tried again, and given up. */
const OPEN_AGAIN_US = 250_000;
const OPEN_PATIENCE_US = 5_000_000;

export class GuestDisks {
  readonly ceph: Ceph;
  /** Guests that were told of an I/O error. */
  #broken = 0;
  readonly #disks = new Map<Guest, GuestDisk>();
  /** By instance and host: who had the image open when a guest that is to come from there was waited for. */
  readonly #followed = new Map<string, readonly string[]>();
  /** By memory: how far a guest has counted; it knows once it has seen its image. */
  readonly #counts = new Map<string, number>();

  constructor(ceph: Ceph) {
    this.ceph = ceph;
  }

  /**
   * Shuts earlier runs of the VM out of its image, as the driver does before each start, and waits until it can be opened; tells why it cannot, if so. A
   * guest that is sent from another host shuts that one out once it runs. An image is one VM's here, and whoever has it open is known.
   */
  open({ index }: Host, launch: InstanceLaunch, done: (why: string | null) => void): void {
    const name = imageOf(launch);
    if (name === null) return done(null);
    const image = this.ceph.image(name);
    const { timeline } = this.ceph;
    const cannot = (why: string): string => `Cannot start VM "${launch.vm}": RBD image "${name}": ${why}`;
    const untilUs = timeline.nowUs + OPEN_PATIENCE_US;
    const look = (): void => {
      const why = this.ceph.whyNotOpen(image, index);
      if (why === null) {
        const before = [...image.watches.keys()];
        const other = before.map((id) => image.clients.get(id)?.vm).find((vm) => vm !== launch.vm);
        if (other !== undefined) return done(cannot(`it is in use by VM "${other}": end it first`));
        if (launch.from?.type === "migration") this.#followed.set(`${launch.instance} ${index}`, before);
        if (launch.from?.type === "migration" || before.length === 0) return done(null);
        timeline.after(SHUT_OUT_US, () =>
          done(this.ceph.shutOut(image, index, before) ? null : cannot("no quorum of monitors is reached")),
        );
        return;
      }
      if (timeline.nowUs >= untilUs) return done(cannot(why));
      timeline.after(OPEN_AGAIN_US, look);
    };
    look();
  }

  /** A guest begins, or something waits to become one. */
  begins({ index: host }: Host, guest: Guest): void {
    const name = imageOf(guest.launch);
    if (name === null) return;
    const image = this.ceph.image(name);
    const writer = `${guest.launch.instance}-${host}-${guest.pid}`;
    const client = this.ceph.open(image, host, { writer, vm: guest.launch.vm });
    const state = { sinceUs: null, isWriting: false, isBroken: false };
    this.#disks.set(guest, { host, guest, image, client, writer, ...state });
  }

  /** Its program may run now. */
  goes(guest: Guest): void {
    const disk = this.#disks.get(guest);
    if (disk === undefined || disk.isWriting) return;
    disk.isWriting = true;
    const { instance } = guest.launch;
    const before = this.#followed.get(`${instance} ${disk.host}`);
    this.#followed.delete(`${instance} ${disk.host}`);
    if (before !== undefined) {
      this.ceph.timeline.after(SHUT_OUT_US, () => this.ceph.shutOut(disk.image, disk.host, before));
    }
    this.#goOn(disk);
  }

  /** The hypervisor shuts down in order, or is killed. */
  ends(guest: Guest, isOrderly: boolean): void {
    const disk = this.#disks.get(guest);
    this.#disks.delete(guest);
    if (isOrderly) disk?.client.close();
    else disk?.client.kill();
  }

  /** Whether nothing that it has begun to write is under way. */
  isDrained(guest: Guest): boolean {
    return this.#disks.get(guest)?.client.isBusy !== true;
  }

  /** Whether what it serves waits for its disk. */
  isStalled(guest: Guest): boolean {
    const disk = this.#disks.get(guest);
    if (disk === undefined) return false;
    return disk.isBroken || (disk.sinceUs !== null && this.ceph.timeline.nowUs - disk.sinceUs > STALL_US);
  }

  /** Why what it has begun to write waits; null: it does not wait. */
  whyStalled(guest: Guest): string | null {
    const disk = this.#disks.get(guest);
    if (disk === undefined || !this.isStalled(guest)) return null;
    const what = `its disk, image ${disk.image.name},`;
    if (disk.isBroken) return `${what} was shut out: its guest was told of an I/O error`;
    const stall = disk.image.header.stall ?? disk.image.data.stall;
    return `${what} stands still: ${stall === null ? "its OSDs or its lock are waited for" : STALLS[stall]}`;
  }

  /** Whether an image, by pool and name, cannot be written from there, whoever tries. */
  isCutOff(name: string, host: number): boolean {
    return !this.ceph.isUsable(this.ceph.image(name), host);
  }

  /** Some time after all faults: a guest that does not get on, or with `maySpare` could and does not; null: there is none. */
  unsettled(maySpare: boolean): string | null {
    const { timeline } = this.ceph;
    for (const { guest, host, image, sinceUs, isBroken } of this.#disks.values()) {
      if (guest.stance !== "runs" || guest.hung || (maySpare && this.isCutOff(image.name, host))) continue;
      const who = `guest ${guest.launch.instance} on host ${host}`;
      if (isBroken) return `${who} was told of an I/O error by image ${image.name}`;
      if (sinceUs === null || timeline.nowUs - sinceUs <= STALL_US) continue;
      return `${who} waits for image ${image.name} since ${sinceUs / 1000} ms`;
    }
    return null;
  }

  marks(): Readonly<Record<string, number>> {
    return { ...this.ceph.marks(), "guests told of an I/O error": this.#broken };
  }

  #goOn(disk: GuestDisk): void {
    const { guest, client, image, writer } = disk;
    if (this.#disks.get(guest) !== disk || disk.isBroken) return;
    if (guest.stance !== "runs" || guest.hung || !guest.booted) {
      disk.isWriting = false;
      return;
    }
    const { ceph } = this;
    disk.sinceUs = ceph.timeline.nowUs;
    client.write((result, count) => {
      disk.sinceUs = null;
      if (result === "blocklisted") {
        disk.isBroken = true;
        this.#broken += 1;
        ceph.timeline.note(`io-error ${disk.host} ${guest.launch.instance}`);
        return;
      }
      const { id } = guest.memory;
      const left = this.#counts.get(id) ?? null;
      this.#counts.set(id, count);
      ceph.watcher?.onAcknowledged(image, { writer, count, left });
      ceph.timeline.after(this.#pauseUs(), () => this.#goOn(disk));
    });
  }

  #pauseUs(): number {
    return -Math.log(1 - this.ceph.random.next()) * this.ceph.settings.writeEveryUs;
  }
}

/** The first RBD image that it may write to, as pool and name; null: there is none. */
function imageOf({ disks = [] }: InstanceLaunch): string | null {
  for (const { source, readOnly } of disks) {
    if (source?.type === "rbd" && !readOnly) return `${source.pool}/${source.image}`;
  }
  return null;
}
