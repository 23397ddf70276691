/**
 * The link of one pair of nodes: like a TCP connection, in order while it lasts, and what was in flight is lost with it.
 *
 *     down ──both there, no cut──▶ up ──broken──▶ each side notices by itself ──▶ down
 *
 * A cut stops messages of one direction. It does not break the link at once: they are held back, and arrive late if the
 * cut ends before anybody noticed, as retransmission does. After `noticeUs` without the other side a link breaks, unless
 * the fault says that it stays half open.
 *
 * Of two nodes the one whose name sorts first dials, and its new connection replaces the one that the other side still believes in, as in the
 * transport. So only the dialer must have noticed a break before there is another connection.
 *
 * What is drawn for its connections is drawn by number, too: the n-th time that anything is drawn for this pair.
 */
import type { Envelope } from "../../runtime/index.ts";
import { integerOf, KeyedDraws } from "./keyed-draws.ts";
import { Lane } from "./lane.ts";
import type { LinkNetwork } from "./link-network.ts";

/**
 * A connect takes at least this and up to ten times as long; more after a break, as a dialer waits between attempts. On a real network the node
 * that is dialed cuts that wait short by knocking, unless the knock is lost; here it is drawn from all of that, at once among it.
 */
const CONNECT_US = 1000;
const REDIAL_MAX_US = 2_000_000;

/** How soon a peer hears that a process ended when its kernel closes the connection. */
const RESET_MAX_US = 5000;

/** How long a side may take to notice that the other is silent: the transport's keepalive. */
const NOTICE_MIN_US = 500_000;
const NOTICE_MAX_US = 4_000_000;

/** How long a connection stands in a storm: some greet each other, some say more. */
const STORM_WITHIN_US = 20_000;

export class Link {
  readonly a: number;
  readonly b: number;
  readonly #network: LinkNetwork;
  readonly #draws: KeyedDraws;
  readonly #lanes: readonly [Lane, Lane];
  #drawn = 0;
  #up = false;
  /** Counts connections, so that nothing of an old one is taken for the new one's. */
  #generation = 0;
  #connecting = false;
  #brokeOnce = false;
  /** Faults that break each connection as soon as it stands. */
  #storms = 0;

  constructor(network: LinkNetwork, a: number, b: number) {
    this.#network = network;
    this.a = a;
    this.b = b;
    this.#draws = new KeyedDraws(network.drawSeed, { from: a, to: b, purpose: "connections" });
    this.#lanes = [new Lane(network, a, b), new Lane(network, b, a)];
  }

  get up(): boolean {
    return this.#up;
  }

  /** Whether what either side says arrives. */
  get passes(): boolean {
    return this.#up && !this.isCut;
  }

  /** In either direction. */
  get isCut(): boolean {
    return this.#lanes.some(({ cuts }) => cuts > 0);
  }

  send(from: number, envelope: Envelope): void {
    this.lane(from).send(envelope);
  }

  /** The direction away from `from`. */
  lane(from: number): Lane {
    return this.#lanes[from === this.a ? 0 : 1];
  }

  /** Cuts the direction away from `from`. With `breaks`, a side that hears nothing gives the link up after a while. */
  cut(from: number, breaks: boolean): void {
    const lane = this.lane(from);
    lane.cuts += 1;
    if (!breaks || !this.#up) return;
    const generation = this.#generation;
    this.#network.timeline.after(this.#drawSilenceUs(), () => {
      if (this.#generation === generation && lane.cuts > 0) this.break("silence");
    });
  }

  /** Ends one cut. What was held back arrives now; a broken link connects again. */
  heal(from: number): void {
    const lane = this.lane(from);
    lane.heal();
    if (lane.cuts === 0) this.connectSoon();
  }

  /** As a cut that breaks nothing, but in the end all that it held back arrives at once. */
  clog(from: number): void {
    this.lane(from).cuts += 1;
  }

  unclog(from: number): void {
    const lane = this.lane(from);
    lane.unclog();
    if (lane.cuts === 0) this.connectSoon();
  }

  /** Breaks the connection, and each one after it as soon as it stands, until `calm`. */
  storm(): void {
    this.#storms += 1;
    this.break("storm");
  }

  /** Ends one storm. */
  calm(): void {
    this.#storms -= 1;
  }

  /**
   * One side forgets the connection, and its word of that is lost: the other goes on to say things to nobody until it notices the silence, or the
   * first dials anew.
   */
  forget(forgetful: number, noticeUs: number): void {
    if (!this.#up) return;
    this.#drop(`forgotten by ${forgetful}`);
    for (const lane of this.#lanes) this.#noticeSoon(lane, lane.from === forgetful ? 0 : noticeUs);
  }

  /** Breaks the connection; both sides notice, each after a time of its own, and it connects again when it can. */
  break(reason: string): void {
    if (!this.#up) return;
    this.#drop(reason);
    for (const lane of this.#lanes) this.#noticeSoon(lane, this.#draw(RESET_MAX_US));
  }

  /**
   * One of the two processes is gone. When its kernel lives on, what it had sent may still arrive before the other side
   * hears of its end.
   */
  endpointLost(kernelSurvives: boolean): void {
    const last = this.#lanes.find((lane) => this.#network.station(lane.from) === null && lane.unnoticed);
    const arrives = kernelSurvives && this.#up && this.#draw(2) === 0 && last?.cuts === 0;
    const dropped = this.#up ? this.#drop("peer gone") : null;
    const words = arrives ? (dropped?.get(last) ?? []) : [];
    for (const lane of this.#lanes) {
      if (this.#network.station(lane.from) === null) lane.unnoticed = false;
      else if (lane.unnoticed) {
        const silenceUs = this.#drawSilenceUs();
        const wordsUs = last === undefined ? 0 : this.#deliverLastWords(last, words);
        this.#noticeSoon(lane, kernelSurvives ? wordsUs + this.#draw(RESET_MAX_US) : silenceUs);
      }
    }
  }

  /** In order, one event for all; returns how long it takes. */
  #deliverLastWords(lane: Lane, words: readonly Envelope[]): number {
    if (words.length === 0) return 0;
    const { timeline } = this.#network;
    const delayUs = Math.max(0, lane.lastDueUs - timeline.nowUs);
    const station = this.#network.station(lane.to);
    timeline.after(delayUs, () => {
      timeline.note(`last-words ${lane.from} ${lane.to} ${words.length}`);
      station?.life.enter(() => {
        for (const envelope of words) station.receive(envelope);
      });
    });
    return delayUs + 1;
  }

  /** Connects after a while if both processes run, nothing is cut and the dialer has noticed the last break. */
  connectSoon(): void {
    if (this.#up || this.#connecting || !this.#connectable()) return;
    this.#connecting = true;
    const redialUs = this.#brokeOnce ? this.#draw(REDIAL_MAX_US) : 0;
    this.#network.timeline.after(CONNECT_US + this.#draw(9 * CONNECT_US) + redialUs, () => {
      this.#connecting = false;
      if (this.#connectable()) this.#connect();
    });
  }

  #connectable(): boolean {
    const { a, b } = this;
    if (this.#network.station(a) === null || this.#network.station(b) === null) return false;
    const [dialer, acceptor] = this.#lanes;
    return dialer.cuts === 0 && acceptor.cuts === 0 && !dialer.unnoticed;
  }

  #connect(): void {
    this.#up = true;
    this.#generation += 1;
    this.#network.timeline.note(`link-up ${this.a} ${this.b}`);
    for (const lane of this.#lanes) {
      if (lane.unnoticed) this.#tell(lane, "down");
      lane.connect();
      lane.unnoticed = true;
      lane.peerIncarnation = this.#network.station(lane.to)?.incarnation ?? "";
      this.#tell(lane, "up");
    }
    if (this.#storms > 0) this.#breakSoon();
  }

  #breakSoon(): void {
    const generation = this.#generation;
    this.#network.timeline.after(this.#draw(STORM_WITHIN_US), () => {
      if (this.#generation !== generation) return;
      this.#network.met.stormed += 1;
      this.break("storm");
    });
  }

  /** Returns what was under way. */
  #drop(reason: string): ReadonlyMap<Lane, readonly Envelope[]> {
    this.#up = false;
    this.#brokeOnce = true;
    this.#generation += 1;
    this.#network.timeline.note(`link-break ${this.a} ${this.b} ${reason}`);
    return new Map(this.#lanes.map((lane) => [lane, lane.drop()]));
  }

  /** The sender of `lane` hears that its peer is gone. */
  #noticeSoon(lane: Lane, delayUs: number): void {
    const generation = this.#generation;
    this.#network.timeline.after(delayUs, () => {
      if (this.#generation !== generation || !lane.unnoticed) return;
      lane.unnoticed = false;
      this.#tell(lane, "down");
      this.connectSoon();
    });
  }

  #tell(lane: Lane, type: "up" | "down"): void {
    const station = this.#network.station(lane.from);
    if (station === null) return;
    const event = { type, node: this.#network.nameOf(lane.to), incarnation: lane.peerIncarnation };
    this.#network.timeline.note(`link-${type} ${lane.from} sees ${lane.to}`);
    station.life.enter(() => station.onLink(event));
  }

  #drawSilenceUs(): number {
    return NOTICE_MIN_US + this.#draw(NOTICE_MAX_US - NOTICE_MIN_US);
  }

  #draw(bound: number): number {
    return integerOf(this.#draws.word(this.#drawn++), bound);
  }
}
