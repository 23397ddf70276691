/**
 * One machine under a node: its hypervisor's guests, each with a guard.
 *
 *     start ──▶ spawning ──▶ booting ──▶ running ──▶ ended
 *                                 guard: ended at the lease deadline, whatever the node's process does
 *
 * Guests and guards belong to the host: they go on when the node's process ends or is paused, and end with the host's
 * power. Deadlines are on the host's monotonic clock.
 */
import type { ExitReason, InstanceEvent, InstanceLaunch, Random } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { restoreUs, type KeptCheckpoint } from "./checkpoint-making.ts";
import type { Guest, GuestProgram, GuestWatcher, GuestWeather } from "./guest.ts";
import type { GuestDisks } from "./guest-disks.ts";
import type { Stance } from "./guest-memory.ts";
import type { GuestSending } from "./guest-sending.ts";
import { HostTroubles } from "./host-trouble.ts";
import type { HostClock } from "../timeline/virtual-clock.ts";

const SERVES: GuestProgram = {};

const HEARTBEAT_US = 5_000_000;

/** How many times longer a boot or a shutdown takes where they are slow: up to a minute and a half, longer than a node waits. */
export const SLOW = 18;

/** Lines kept of a console; a modelled guest says little. */
const LINES_MAX = 100;

export class Host {
  readonly index: number;
  readonly clock: HostClock;
  readonly weather: GuestWeather;
  readonly guests: Map<string, Guest> = new Map();
  readonly timeline: Timeline;
  readonly random: Random;
  /** Ports that something other than a guest listens on. */
  readonly occupiedPorts: Set<number> = new Set();
  readonly troubles: HostTroubles = new HostTroubles();
  /** Counts losses of power, so that nothing under way outlives one. */
  powerEpoch = 0;
  isPowered = true;
  /** What guests with disks of Ceph do; null: there is no Ceph. */
  disks: GuestDisks | null = null;
  readonly #watcher: GuestWatcher;
  readonly #programOf: (launch: InstanceLaunch) => GuestProgram;
  #pids = 1000;
  #listen: ((event: InstanceEvent) => void) | null = null;
  /** Consoles of guests that ended; read like any other. */
  readonly #consoles = new Map<string, string[]>();
  /** Guests that wait for what another host sends, by the port they listen on; and what is sent from here. */
  readonly listening: Map<number, Guest> = new Map();
  readonly sendings: Map<Guest, GuestSending> = new Map();
  /** Whether a stream from here to that host gets on. */
  readonly reaches: (host: number) => boolean;
  /** How often one did not. */
  stalls = 0;
  /** The stream that migrations draw from, none before the first. */
  #moves: Random | undefined;
  #ports = 40_000;
  /** On its disk, by id; and guests of which one is being made. */
  readonly checkpoints: Map<string, KeptCheckpoint> = new Map();
  readonly copying: Set<Guest> = new Set();
  /** Rules that are broken on purpose: clones go on as who they were; disks of a checkpoint are copied when its guest has gone on. */
  clonesKeepIdentity = false;
  copiesDisksLate = false;
  /** The stream that checkpoints draw from, none before the first. */
  #copies: Random | undefined;

  constructor(options: {
    readonly index: number;
    readonly clock: HostClock;
    readonly weather: GuestWeather;
    readonly timeline: Timeline;
    readonly random: Random;
    readonly watcher: GuestWatcher;
    readonly programOf?: (launch: InstanceLaunch) => GuestProgram;
    /** Default: always. */
    readonly reaches?: (host: number) => boolean;
  }) {
    this.reaches = options.reaches ?? (() => true);
    this.#programOf = options.programOf ?? (() => SERVES);
    this.index = options.index;
    this.clock = options.clock;
    this.weather = options.weather;
    this.timeline = options.timeline;
    this.random = options.random;
    this.#watcher = options.watcher;
  }

  /** As which driver it offers what it has: only one has disks. */
  get driver(): "simulated" | "qemu" {
    return this.disks === null ? "simulated" : "qemu";
  }

  /** Who is told of events; null when no process of the node runs. */
  listen(listen: ((event: InstanceEvent) => void) | null): void {
    this.#listen = listen;
  }

  consoleOf(instance: string): string[] | undefined {
    return this.guests.get(instance)?.lines ?? this.#consoles.get(instance);
  }

  portTaken(hostPort: number): boolean {
    return this.occupiedPorts.has(hostPort) || this.guestAt(hostPort) !== undefined;
  }

  guestAt(hostPort: number): Guest | undefined {
    for (const guest of this.guests.values()) {
      if (guest.launch.ports.some((port) => port.hostPort === hostPort)) return guest;
    }
    return undefined;
  }

  /** Whether anything was ever sent from here. */
  get hasMoves(): boolean {
    return this.#moves !== undefined;
  }

  get moves(): Random {
    return (this.#moves ??= this.random.fork());
  }

  get copies(): Random {
    return (this.#copies ??= this.random.fork());
  }

  keep(kept: KeptCheckpoint): void {
    this.checkpoints.set(kept.id, kept);
    this.timeline.note(`checkpoint-kept ${this.index} ${kept.id} ${kept.memory.ranUs}`);
    this.#watcher.onCheckpointKept?.(this.index, kept.id, kept);
  }

  drop(id: string): void {
    if (!this.checkpoints.delete(id)) return;
    this.timeline.note(`checkpoint-gone ${this.index} ${id}`);
    this.#watcher.onCheckpointGone?.(this.index, id);
  }

  /** What was on its disk is gone. */
  loseDisk(): void {
    this.checkpoints.clear();
  }

  /** The guest runs from now on, under its guard; `from`: where that was. */
  run(launch: InstanceLaunch, from?: KeptCheckpoint): Guest {
    const guest = this.#add(launch, "runs");
    if (from !== undefined) this.#goOnFrom(guest, from);
    this.disks?.begins(this, guest);
    this.#note("guest-start", guest, "");
    this.#watcher.onGuestStarted(this.index, launch, guest.memory);
    if (from !== undefined) {
      this.#guard(guest);
      this.timeline.after(restoreUs(this), () => this.#boot(guest));
      return guest;
    }
    this.say(guest, `starting ${launch.vm}`);
    this.#guard(guest);
    const { bootMinUs, bootMaxUs } = this.weather;
    const bootUs = bootMinUs + this.random.integer(bootMaxUs - bootMinUs + 1);
    guest.hung = this.troubles.strikes("hung-boot");
    this.timeline.after(this.troubles.strikes("slow-boot") ? bootUs * SLOW : bootUs, () => this.#boot(guest));
    return guest;
  }

  #goOnFrom(guest: Guest, { memory, hung, programFromUs }: KeptCheckpoint): void {
    const { launch } = guest;
    const isClone = launch.from?.type === "checkpoint" && launch.from.identity === "fresh" && !this.clonesKeepIdentity;
    const { id } = guest.memory;
    guest.memory = { ...memory, id, identity: isClone ? id : memory.identity };
    guest.hung = hung;
    guest.programFromUs = programFromUs;
    guest.booted = false;
  }

  /** A guest that stands still, under its guard, and waits for what another host sends. Answers the port. */
  wait(launch: InstanceLaunch): { readonly guest: Guest; readonly port: number } {
    const guest = this.#add(launch, "waits");
    const port = ++this.#ports;
    this.listening.set(port, guest);
    this.disks?.begins(this, guest);
    this.#note("guest-waits", guest, "");
    this.#guard(guest);
    return { guest, port };
  }

  /** All of `sent` has come to `copy`; its node hears of it after `lateUs`. */
  take(copy: Guest, sent: Guest, lateUs: number): void {
    copy.stance = "came";
    copy.memory = sent.memory;
    copy.booted = sent.booted;
    copy.hung = sent.hung;
    copy.programFromUs = sent.programFromUs;
    this.#note("guest-came", copy, "");
    this.#watcher.onGuestCame?.(this.index);
    this.timeline.after(lateUs, () => {
      if (this.#stands(copy)) this.#hear({ type: "arrived", instance: copy.launch.instance });
    });
  }

  stand(guest: Guest): void {
    if (!this.#stands(guest) || guest.stance !== "runs") return;
    guest.memory = { ...guest.memory, ranUs: this.ranUs(guest), writtenUs: this.ranUs(guest) };
    guest.stance = "still";
    this.#note("guest-stands", guest, "");
    this.#watcher.onGuestStands?.(this.index, guest.launch, guest.memory);
  }

  /** Its processors go on; nothing happens where they run. */
  go(guest: Guest): void {
    if (!this.#stands(guest) || guest.stance === "runs") return;
    const hasMoved = guest.stance === "came";
    guest.stance = "runs";
    guest.runsSinceUs = this.timeline.nowUs;
    this.#note("guest-goes", guest, "");
    this.#watcher.onGuestGoes?.(this.index, guest.launch, guest.memory);
    this.disks?.goes(guest);
    if (hasMoved && guest.booted) this.timeline.after(HEARTBEAT_US, () => this.#beat(guest));
  }

  /** By the guest's own counter. */
  ranUs({ memory, stance, runsSinceUs }: Guest): number {
    return memory.ranUs + (stance === "runs" ? this.timeline.nowUs - runsSinceUs : 0);
  }

  #stands(guest: Guest): boolean {
    return this.guests.get(guest.launch.instance) === guest;
  }

  #add(launch: InstanceLaunch, stance: Stance): Guest {
    const pid = ++this.#pids;
    const id = `${launch.instance}-${this.index}-${pid}`;
    const guest: Guest = {
      launch,
      program: this.#programOf(launch),
      pid,
      startedUs: this.timeline.nowUs,
      lines: this.#consoles.get(launch.instance) ?? [],
      followers: new Set(),
      deadlineMs: launch.leaseUntilMs,
      booted: false,
      hung: false,
      stance,
      memory: { id, ranUs: 0, writtenUs: 0, identity: id },
      runsSinceUs: this.timeline.nowUs,
      programFromUs: 0,
    };
    this.guests.set(launch.instance, guest);
    return guest;
  }

  /** A process wants a guest. */
  asked(): void {
    this.#watcher.onGuestAsked?.(this.index);
  }

  /** The guard of that guest ends it no sooner. */
  arm(guest: Guest, deadlineMs: number): void {
    if (deadlineMs <= guest.deadlineMs) return;
    guest.deadlineMs = deadlineMs;
    this.#watcher.onGuardArmed?.(this.index);
  }

  /** Ends a guest. Without `reason` nobody is told: whoever asked knows. `isOrderly`: it closes its disks. */
  end(guest: Guest, reason?: ExitReason, detail = "", isOrderly: boolean = reason === "shutdown"): void {
    if (this.guests.get(guest.launch.instance) !== guest) return;
    this.disks?.ends(guest, isOrderly);
    this.say(guest, `ended ${detail}`);
    this.guests.delete(guest.launch.instance);
    for (const [port, waiting] of this.listening) if (waiting === guest) this.listening.delete(port);
    this.#consoles.set(guest.launch.instance, guest.lines);
    for (const follower of guest.followers) follower.end();
    guest.followers.clear();
    this.#note("guest-end", guest, reason ?? "stopped");
    this.#watcher.onGuestEnded(this.index, guest.launch, reason ?? "stopped");
    if (reason !== undefined) this.#listen?.({ type: "exited", instance: guest.launch.instance, reason, detail });
  }

  /** Power is gone, and with it every guest. */
  losePower(): void {
    this.#listen = null;
    this.isPowered = false;
    for (const guest of this.guests.values()) this.end(guest, "crash", "the host lost power");
    this.#consoles.clear();
    this.powerEpoch += 1;
    this.clock.restart();
    this.disks?.ceph.endOsd(this.index, false);
  }

  say(guest: Guest, line: string): void {
    guest.lines.push(line);
    if (guest.lines.length > LINES_MAX) guest.lines.shift();
    for (const follower of guest.followers) follower.line(line);
  }

  #boot(guest: Guest): void {
    if (this.guests.get(guest.launch.instance) !== guest || guest.hung) return;
    guest.booted = true;
    const bootMs = (this.timeline.nowUs - guest.startedUs) / 1000;
    this.#note("guest-booted", guest, "");
    this.say(guest, "booted");
    this.#hear({ type: "booted", instance: guest.launch.instance, bootMs });
    this.timeline.after(HEARTBEAT_US, () => this.#beat(guest));
    if (guest.launch.from?.type !== "checkpoint") guest.programFromUs = this.ranUs(guest);
    this.disks?.goes(guest);
    this.#runProgram(guest);
  }

  #runProgram(guest: Guest): void {
    const { says, exits } = guest.program;
    const alive = (): boolean => this.#stands(guest) && !guest.hung && guest.stance === "runs";
    // What it did before its checkpoint was made it does not do again.
    const ranUs = this.ranUs(guest) - guest.programFromUs;
    for (const { afterMs, line } of says ?? []) {
      const leftUs = afterMs * 1000 - ranUs;
      if (leftUs >= 0) this.timeline.after(leftUs, () => alive() && this.say(guest, line));
    }
    if (exits === undefined) return;
    this.timeline.after(Math.max(0, exits.afterMs * 1000 - ranUs), () => {
      if (alive()) this.end(guest, exits.code === 0 ? "shutdown" : "crash", `exit code ${exits.code}`);
    });
  }

  #beat(guest: Guest): void {
    if (!this.#stands(guest) || guest.hung) return;
    if (guest.stance === "runs") this.#hear({ type: "heartbeat", instance: guest.launch.instance });
    this.timeline.after(HEARTBEAT_US, () => this.#beat(guest));
  }

  /** What comes by a guest's own socket. */
  #hear(event: InstanceEvent): void {
    if (!this.troubles.strikes("socket-lost")) this.#listen?.(event);
  }

  /** Looks again when the deadline as it is now has come; it may have moved meanwhile. */
  #guard(guest: Guest): void {
    const leftMs = guest.deadlineMs - this.clock.monotonicMs();
    if (this.guests.get(guest.launch.instance) !== guest) return;
    if (leftMs <= 0) this.end(guest, "lease", "its lease ended");
    else this.timeline.after(this.clock.usUntil(leftMs), () => this.#guard(guest));
  }

  #note(what: string, guest: Guest, detail: string): void {
    this.timeline.note(`${what} ${this.index} ${guest.launch.instance} ${guest.launch.vm} ${detail}`);
  }
}
