/**
 * The device under a host's stores: how long a sync takes, whether it hangs, whether it has room; and the queue that a store has on it.
 *
 *     push ──▶ held while there is no room ──▶ waiting ──sync delay──▶ carried out, durable ──▶ done
 *
 * Several stores stand on one device (`disk.ts`, `snapshot-disk.ts`); each has a queue of its own, which keeps its order.
 */
import type { Random } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** How the disk is doing. Times in microseconds. */
export interface DiskWeather {
  syncMinUs: number;
  /** Mean of the exponential part on top. */
  syncMeanUs: number;
  /** Multiplies both; above 1 while the disk is slow. */
  slowness: number;
}

export class Device {
  readonly weather: DiskWeather;
  readonly timeline: Timeline;
  readonly random: Random;
  /** No sync ends before. */
  hungUntilUs = 0;
  #hasRoom = true;
  readonly #roomListeners: (() => void)[] = [];

  constructor(options: { readonly timeline: Timeline; readonly random: Random; readonly weather: DiskWeather }) {
    this.timeline = options.timeline;
    this.random = options.random;
    this.weather = options.weather;
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  setRoom(hasRoom: boolean): void {
    if (hasRoom === this.#hasRoom) return;
    this.#hasRoom = hasRoom;
    for (const listen of this.#roomListeners) listen();
  }

  /** Called when there is room no longer, or again. */
  onRoomChange(listen: () => void): void {
    this.#roomListeners.push(listen);
  }

  drawSyncUs(): number {
    const { syncMinUs, syncMeanUs, slowness } = this.weather;
    return Math.ceil(slowness * (syncMinUs - Math.log(1 - this.random.next()) * syncMeanUs));
  }
}

interface Waiting<Operation> {
  readonly operation: Operation;
  readonly done: () => void;
}

/** What one store has asked for and is not durable yet. */
export class SyncQueue<Operation> {
  readonly #device: Device;
  readonly #carryOut: (operation: Operation) => void;
  #held: Waiting<Operation>[] = [];
  #waiting: Waiting<Operation>[] = [];
  #syncedUs = 0;

  constructor(device: Device, carryOut: (operation: Operation) => void) {
    this.#device = device;
    this.#carryOut = carryOut;
    device.onRoomChange(() => this.#releaseHeld());
  }

  /** Whether anything waits for room. */
  get isHeld(): boolean {
    return this.#held.length > 0;
  }

  /** When all that waits now will be durable. */
  get syncedUs(): number {
    return Math.max(this.#syncedUs, this.#device.timeline.nowUs);
  }

  push(operation: Operation, done: () => void): void {
    const waiting = { operation, done };
    if (this.#device.hasRoom && this.#held.length === 0) this.#syncSoon(waiting);
    else this.#held.push(waiting);
  }

  /** Times what waits anew, by how the device is doing now. What was timed before comes to nothing when it is due. */
  hurry(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#syncedUs = 0;
    for (const { operation, done } of waiting) this.#syncSoon({ operation, done });
  }

  /**
   * The process ended: of what waits a prefix is carried out, whose length is drawn; nobody is told. Answers the rest, in order; what
   * waited for room was not even begun and is not among it.
   */
  crash(): readonly Operation[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#held = [];
    const kept = waiting.length === 0 ? 0 : this.#device.random.integer(waiting.length + 1);
    for (const { operation } of waiting.slice(0, kept)) this.#carryOut(operation);
    return waiting.slice(kept).map(({ operation }) => operation);
  }

  #releaseHeld(): void {
    if (!this.#device.hasRoom) return;
    const held = this.#held;
    this.#held = [];
    for (const waiting of held) this.#syncSoon(waiting);
  }

  #syncSoon(waiting: Waiting<Operation>): void {
    const { timeline, hungUntilUs } = this.#device;
    this.#waiting.push(waiting);
    const startUs = Math.max(this.syncedUs, hungUntilUs);
    this.#syncedUs = startUs + this.#device.drawSyncUs();
    timeline.after(this.#syncedUs - timeline.nowUs, () => this.#syncOldest(waiting));
  }

  /** Syncs end in order, whatever the order of events that are due at once. */
  #syncOldest(due: Waiting<Operation>): void {
    if (!this.#waiting.includes(due)) return;
    const oldest = this.#waiting.shift() as Waiting<Operation>;
    this.#carryOut(oldest.operation);
    oldest.done();
  }
}
