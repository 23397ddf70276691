/**
 * What must hold of RBD images, looked at where their OSDs write: the strictest check of the platform's fencing, since it sees what a guest did long after
 * the guest was ended.
 *
 * - a write lands only while its client owns the lock of the image;
 * - guests write in turn: once another one has written, an earlier one never does again;
 * - what was acknowledged stays, and a guest that goes on elsewhere finds what it left;
 * - who waits for the lock of an owner that is gone gets it within a bound, as far as nothing of the storage is in the way.
 */
import type { LockWay } from "../outside/ceph-client.ts";
import type { CephImage } from "../outside/ceph-image.ts";
import type { CephWatcher } from "../outside/ceph.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** Beyond the time of the watch: a ping, a new interval, an agreement of monitors, attempts. */
const TAKE_OVER_SLACK_US = 20_000_000;

interface Written {
  /** The highest count that a guest was told of. */
  acknowledged: number;
  /** Who writes now, and who did before. */
  writer: string;
  readonly earlier: Set<string>;
}

export class StorageChecker implements CephWatcher {
  /** How locks came to their owners. */
  readonly locked: Record<LockWay, number> = { free: 0, "given up": 0, broken: 0 };
  writes = 0;
  readonly #timeline: Timeline;
  readonly #watchTimeoutUs: number;
  readonly #images = new Map<CephImage, Written>();

  constructor(timeline: Timeline, watchTimeoutUs: number) {
    this.#timeline = timeline;
    this.#watchTimeoutUs = watchTimeoutUs;
  }

  onLocked(image: CephImage, client: string, way: LockWay): void {
    this.locked[way] += 1;
    this.#timeline.note(`rbd-lock ${image.name} ${client} ${way}`);
  }

  onWaiting(image: CephImage, client: string, sinceUs: number): void {
    const { nowUs } = this.#timeline;
    const { owner } = image;
    const isGone = owner !== null && image.clients.get(owner)?.isAlive !== true;
    // A primary that is new gives each watch its time anew.
    const fromUs = Math.max(sinceUs, image.watches.get(owner ?? "") ?? 0);
    if (!isGone || nowUs - fromUs <= this.#watchTimeoutUs + TAKE_OVER_SLACK_US) return;
    const since = `for ${(nowUs - fromUs) / 1_000_000} s, and nothing else is in the way`;
    this.#fail(
      "a-gone-owner-is-replaced",
      `${client} waits for the lock of image ${image.name}, which ${owner} has`,
      since,
    );
  }

  onWritten(
    image: CephImage,
    { client, writer, before }: { readonly client: string; readonly writer: string; readonly before: number },
  ): void {
    this.writes += 1;
    const written = this.#of(image, writer);
    const what = `Image ${image.name} takes a write of ${writer} (${client})`;
    if (image.owner !== client) {
      this.#fail("writes-under-the-lock", what, `while ${image.owner ?? "nobody"} owns its lock`);
    }
    if (before < written.acknowledged) {
      this.#fail("acknowledged-writes-stay", what, `at ${before}, and ${written.acknowledged} was acknowledged`);
    }
    if (written.writer === writer) return;
    if (written.earlier.has(writer)) {
      this.#fail("guests-write-in-turn", what, `after ${written.writer} has written, which came later`);
    }
    written.earlier.add(written.writer);
    written.writer = writer;
  }

  onAcknowledged(
    image: CephImage,
    { writer, count, left }: { readonly writer: string; readonly count: number; readonly left: number | null },
  ): void {
    const written = this.#of(image, writer);
    written.acknowledged = Math.max(written.acknowledged, count);
    if (left === null || left === count - 1) return;
    const found = `finds ${count - 1} in image ${image.name}, and has left it at ${left}`;
    this.#fail("a-guest-finds-what-it-left", `Guest ${writer}`, found);
  }

  /** When everything has settled. */
  checkEnd(): void {
    for (const [image, { acknowledged }] of this.#images) {
      const { count } = image.data.state;
      if (!image.data.isSound || count >= acknowledged) continue;
      this.#fail("acknowledged-writes-stay", `Image ${image.name} is at ${count}`, `${acknowledged} was acknowledged`);
    }
  }

  marks(): Readonly<Record<string, number>> {
    const { free, broken } = this.locked;
    return {
      ...{ "writes to images": this.writes, "locks taken": free, "locks given up": this.locked["given up"] },
      "locks taken over from the dead": broken,
    };
  }

  #of(image: CephImage, writer: string): Written {
    const written = this.#images.get(image) ?? { acknowledged: 0, writer, earlier: new Set() };
    this.#images.set(image, written);
    return written;
  }

  #fail(rule: string, what: string, why: string): void {
    this.#timeline.fail(rule, `${what} ${why}`);
  }
}
