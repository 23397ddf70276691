/**
 * A live migration as hosts carry it out: rounds over a line while the guest dirties its memory, then it stands still for the last pages.
 *
 *     asked ─▶ round ─▶ round … ─▶ stands still ─▶ all is there ─▶ the target hears of it, the source's process is answered
 *
 * While either direction of the line is cut nothing gets on, and the stream goes on where the cut ends soon enough, as a TCP connection does.
 * It goes on without the process that began it, until another one takes the guest over: what it had under way is the hypervisor's. What may go wrong at each step is drawn once, when it
 * begins; from the moment at which the guest stands still nothing but `resume` lets it go on at the source, whatever was answered.
 */
import type { MigrationEndpoint, MigrationRequest, Random, VerbFailure, VerbResult } from "../../runtime/index.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Guest } from "./guest.ts";
import type { Host } from "./host.ts";

/** Fates of a migration that does not go well. */
const FATES = ["refused", "lost", "hung", "lost at the end", "unheard at the end", "dead at the end", "late"] as const;
type Fate = (typeof FATES)[number] | "fine";

/** Of the line between two hosts, in bytes a second. */
const LINE_BYTES = 125_000_000;
const MIB = 1_048_576;

/** Times that memory is gone through before the guest stands still for whatever is left. */
const ROUNDS_MAX = 20;

/** What the other side takes to look at what has come, in microseconds. */
const SETTLE_MAX_US = 4000;
/** How often a line that is cut is tried again, and for how long: then the connection is lost. In microseconds. */
const RETRANSMIT_US = 200_000;
const SILENCE_MAX_US = 15_000_000;

/** Of a target that is slow to tell its node. */
const LATE_US = 15_000_000;

export interface SendingOptions {
  readonly host: Host;
  readonly guest: Guest;
  /** By address. */
  readonly hosts: ReadonlyMap<string, Host>;
  readonly life: ProcessLife;
  readonly request: MigrationRequest;
  readonly done: (result: VerbResult<{ readonly downtimeMs: number }>) => void;
}

export function startSending(options: SendingOptions): void {
  options.host.sendings.set(options.guest, new GuestSending(options));
}

export class GuestSending {
  readonly #options: SendingOptions;
  readonly #random: Random;
  readonly #fate: Fate;
  /** Of what it writes to a second, as a share of the line. */
  readonly #dirties: number;
  #remaining: number;
  #rounds = 0;
  #cancelled = false;
  #answered = false;
  #stillUs = 0;
  /** The connection was given up. */
  #isSilent = false;

  constructor(options: SendingOptions) {
    const { host, guest } = options;
    this.#options = options;
    this.#random = host.moves;
    const fails = this.#random.next() < (host.weather.moveFailures ?? 0);
    this.#fate = fails ? (FATES[this.#random.integer(FATES.length)] as Fate) : "fine";
    this.#dirties = this.#random.next() * 1.2;
    this.#remaining = guest.launch.memoryMiB * MIB;
    const { timeoutMs } = options.request.limits;
    host.timeline.after(timeoutMs * 1000, () => this.#giveUp("timed-out", `it took longer than ${timeoutMs} ms`));
    this.#later(this.#random.integer(SETTLE_MAX_US), () => this.#overLine(() => this.#begin()));
  }

  /** Nothing more is sent; a guest that stands still for its last pages stands still. */
  cancel(): void {
    this.#later(this.#random.integer(SETTLE_MAX_US), () => {
      this.#cancelled = true;
      this.#giveUp("cancelled", "it was cancelled");
    });
  }

  /** The guest is another process's now, which has not asked for this: no more of it is sent. */
  abandon(life: ProcessLife): void {
    if (life === this.#options.life) return;
    this.#cancelled = true;
    this.#giveUp("cancelled", "its node's process has ended");
  }

  #begin(): void {
    if (this.#fate === "refused") return this.#giveUp("incompatible", "the other side refused it");
    if (this.#copy() === undefined) return this.#giveUp("failed", "nobody listens there");
    this.#round();
  }

  #round(): void {
    if (this.#answered) return;
    const roundUs = (this.#remaining / this.#rate()) * 1_000_000;
    this.#sent(roundUs, () => {
      const { request, life } = this.#options;
      const { limits, instance } = request;
      this.#rounds += 1;
      if (this.#fate === "hung") return;
      if (this.#answered || !this.#stands()) return this.#giveUp("failed", `instance "${instance}" ended`);
      if (this.#fate === "lost" || this.#copy() === undefined) return this.#giveUp("failed", "the connection was lost");
      const slowed = limits.autoConverge ? this.#dirties * 0.6 ** this.#rounds : this.#dirties;
      this.#remaining = Math.min(this.#remaining, slowed * this.#rate() * (roundUs / 1_000_000));
      const totalBytes = this.#options.guest.launch.memoryMiB * MIB;
      const remainingBytes = Math.round(this.#remaining);
      life.enter(() => request.onProgress({ totalBytes, remainingBytes, rounds: this.#rounds }));
      const leftMs = (this.#remaining / this.#rate()) * 1000;
      if (leftMs <= limits.downtimeMs || this.#rounds >= ROUNDS_MAX) this.#standStill();
      else this.#round();
    });
  }

  #standStill(): void {
    const { host, guest } = this.#options;
    host.stand(guest);
    this.#stillUs = host.timeline.nowUs;
    this.#drained(() => this.#sendRest());
  }

  /** What the guest has begun to write is written first, however long that takes, as a hypervisor drains its disks. */
  #drained(then: () => void): void {
    const { host, guest } = this.#options;
    if (host.disks === null || !this.#stands() || this.#cancelled || host.disks.isDrained(guest)) return then();
    this.#later(RETRANSMIT_US, () => this.#drained(then));
  }

  #sendRest(): void {
    const { host, guest } = this.#options;
    this.#sent((this.#remaining / this.#rate()) * 1_000_000, () => {
      const copy = this.#copy();
      if (!this.#stands() || this.#cancelled || copy === undefined || this.#fate === "lost at the end") {
        // The target lacks some of it, so the hypervisor may let it go on by itself.
        if (!this.#cancelled && this.#random.next() < 0.5) host.go(guest);
        return this.#giveUp("failed", "the connection was lost");
      }
      const isLate = this.#fate === "late" || this.#fate === "dead at the end";
      copy.host.take(copy.guest, guest, isLate ? this.#random.integer(LATE_US) : 0);
      if (this.#fate === "dead at the end") host.end(guest, "crash", "it died when all of it was sent");
      if (this.#fate === "unheard at the end") return this.#giveUp("failed", "the connection was lost");
      const downtimeMs = (host.timeline.nowUs - this.#stillUs) / 1000;
      this.#later(this.#random.integer(SETTLE_MAX_US), () => this.#answer({ ok: true, downtimeMs }));
    });
  }

  #giveUp(code: VerbFailure, why: string): void {
    const { instance } = this.#options.request;
    this.#answer({ ok: false, code, message: `Cannot migrate instance "${instance}": ${why}` });
  }

  #answer(result: VerbResult<{ readonly downtimeMs: number }>): void {
    if (this.#answered) return;
    this.#answered = true;
    const { host, guest, life, done } = this.#options;
    if (host.sendings.get(guest) === this) host.sendings.delete(guest);
    life.enter(() => done(result));
  }

  #rate(): number {
    return Math.min(LINE_BYTES, this.#options.request.limits.bandwidthBytesPerSecond);
  }

  #stands(): boolean {
    const { host, guest } = this.#options;
    return host.guests.get(guest.launch.instance) === guest;
  }

  /** Undefined: nobody is there, or can be reached. */
  #copy(): { readonly host: Host; readonly guest: Guest } | undefined {
    const { hosts, request } = this.#options;
    const { address, port }: MigrationEndpoint = request.to;
    const host = this.#isSilent ? undefined : hosts.get(address);
    const guest = host?.listening.get(port);
    return host === undefined || guest?.stance !== "waits" ? undefined : { host, guest };
  }

  /** When what takes so long to send is there, or the line has been silent for too long. */
  #sent(takesUs: number, then: () => void): void {
    this.#later(takesUs, () => this.#overLine(then));
  }

  #overLine(then: () => void, silentUs = 0): void {
    if (this.#isOpen()) return then();
    if (this.#answered && this.#stillUs === 0) return;
    if (silentUs === 0) this.#options.host.stalls += 1;
    if (silentUs >= SILENCE_MAX_US) {
      this.#isSilent = true;
      return then();
    }
    this.#later(RETRANSMIT_US, () => this.#overLine(then, silentUs + RETRANSMIT_US));
  }

  #isOpen(): boolean {
    const { host, hosts, request } = this.#options;
    const target = hosts.get(request.to.address);
    return target === undefined || host.reaches(target.index);
  }

  #later(delayUs: number, run: () => void): void {
    this.#options.host.timeline.after(delayUs, run);
  }
}
