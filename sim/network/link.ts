/**
 * The link of one pair of nodes: like a TCP connection, in order while it lasts, and what was in flight is lost with it.
 *
 *     down ──both there, no cut──▶ up ──broken──▶ each side notices by itself ──▶ down
 *
 * A cut stops messages of one direction. It does not break the link at once: they are held back, and arrive late if the
 * cut ends before anybody noticed, as retransmission does. After `noticeUs` without the other side a link breaks, unless
 * the fault says that it stays half open.
 */
import { KERNEL_PATH, type Envelope, type LinkEvent, type Random } from "../../runtime/index.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Timeline } from "../timeline/timeline.ts";

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

/** How much longer a message takes that comes by itself. */
const APART = 4;

/** How messages travel. Times in microseconds. */
export interface NetworkWeather {
  /** Shortest way. */
  delayMinUs: number;
  /** Mean of the exponential part on top. */
  delayMeanUs: number;
  /** Share of messages that are lost on a link that is up. */
  loss: number;
  /** Share of messages that take `spikeUs` longer. */
  spikes: number;
  spikeUs: number;
  /** Share of messages between Raft's members that come again some time later, and of those that wait for no other. */
  duplicates: number;
  reordered: number;
}

/** A process as the network sees it. */
export interface Station {
  readonly node: string;
  readonly index: number;
  readonly incarnation: string;
  readonly life: ProcessLife;
  receive(envelope: Envelope): void;
  onLink(event: LinkEvent): void;
}

/** What a link needs of the network it belongs to. */
export interface LinkNetwork {
  readonly weather: NetworkWeather;
  readonly timeline: Timeline;
  readonly random: Random;
  delivered: number;
  lost: number;
  nameOf(node: number): string;
  /** The process of a node; null while there is none. */
  station(node: number): Station | null;
  drawDelayUs(): number;
}

/** One direction of a link. */
class Lane {
  readonly from: number;
  readonly to: number;
  /** Faults that cut this direction now. */
  cuts = 0;
  /** Sent and not delivered, in order. */
  queue: Envelope[] = [];
  /** Deliveries that were due during a cut. */
  held = 0;
  lastDueUs = 0;
  /** Whom the sender knows at the other end. */
  peerIncarnation = "";
  /** Whether the sender has yet to notice that the link is broken. */
  unnoticed = false;

  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }
}

export class Link {
  readonly a: number;
  readonly b: number;
  readonly #network: LinkNetwork;
  readonly #lanes: readonly [Lane, Lane];
  #up = false;
  /** Counts connections, so that nothing of an old one is taken for the new one's. */
  #generation = 0;
  #connecting = false;
  #brokeOnce = false;

  constructor(network: LinkNetwork, a: number, b: number) {
    this.#network = network;
    this.a = a;
    this.b = b;
    this.#lanes = [new Lane(a, b), new Lane(b, a)];
  }

  get up(): boolean {
    return this.#up;
  }

  send(from: number, envelope: Envelope): void {
    const network = this.#network;
    const lane = this.#lane(from);
    if (!this.#up || this.#loses(envelope)) {
      network.lost += 1;
      return;
    }
    const { duplicates, reordered } = network.weather;
    if (this.#draws(duplicates, envelope)) this.#deliverApart(lane, envelope);
    if (this.#draws(reordered, envelope)) {
      this.#deliverApart(lane, envelope);
      return;
    }
    lane.queue.push(envelope);
    this.#scheduleDelivery(lane);
  }

  /** Cuts the direction away from `from`. With `breaks`, a side that hears nothing gives the link up after a while. */
  cut(from: number, breaks: boolean): void {
    this.#lane(from).cuts += 1;
    if (!breaks || !this.#up) return;
    const generation = this.#generation;
    const noticeUs = NOTICE_MIN_US + this.#network.random.integer(NOTICE_MAX_US - NOTICE_MIN_US);
    this.#network.timeline.after(noticeUs, () => {
      if (this.#generation === generation && this.#lane(from).cuts > 0) this.break("silence");
    });
  }

  /** Ends one cut. What was held back arrives now; a broken link connects again. */
  heal(from: number): void {
    const lane = this.#lane(from);
    lane.cuts -= 1;
    if (lane.cuts > 0) return;
    for (; lane.held > 0; lane.held -= 1) this.#scheduleDelivery(lane);
    this.connectSoon();
  }

  /** Breaks the connection; both sides notice, each after a time of its own, and it connects again when it can. */
  break(reason: string): void {
    if (!this.#up) return;
    this.#drop(reason);
    for (const lane of this.#lanes) this.#noticeSoon(lane, this.#network.random.integer(RESET_MAX_US));
  }

  /**
   * One of the two processes is gone. When its kernel lives on, what it had sent may still arrive before the other side
   * hears of its end.
   */
  endpointLost(kernelSurvives: boolean): void {
    const { random } = this.#network;
    const last = this.#lanes.find((lane) => this.#network.station(lane.from) === null && lane.unnoticed);
    const arrives = kernelSurvives && this.#up && random.next() < 0.5;
    const words = arrives && last?.cuts === 0 ? last.queue : [];
    if (this.#up) this.#drop("peer gone");
    for (const lane of this.#lanes) {
      if (this.#network.station(lane.from) === null) lane.unnoticed = false;
      else if (lane.unnoticed) {
        const silenceUs = NOTICE_MIN_US + random.integer(NOTICE_MAX_US - NOTICE_MIN_US);
        const wordsUs = last === undefined ? 0 : this.#deliverLastWords(last, words);
        this.#noticeSoon(lane, kernelSurvives ? wordsUs + random.integer(RESET_MAX_US) : silenceUs);
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

  /** Connects after a while if both processes run, nothing is cut and both have noticed the last break. */
  connectSoon(): void {
    if (this.#up || this.#connecting || !this.#connectable()) return;
    this.#connecting = true;
    const { random, timeline } = this.#network;
    const redialUs = this.#brokeOnce ? random.integer(REDIAL_MAX_US) : 0;
    timeline.after(CONNECT_US + random.integer(9 * CONNECT_US) + redialUs, () => {
      this.#connecting = false;
      if (this.#connectable()) this.#connect();
    });
  }

  #connectable(): boolean {
    const { a, b } = this;
    if (this.#network.station(a) === null || this.#network.station(b) === null) return false;
    return this.#lanes.every((lane) => lane.cuts === 0 && !lane.unnoticed);
  }

  #connect(): void {
    this.#up = true;
    this.#generation += 1;
    this.#network.timeline.note(`link-up ${this.a} ${this.b}`);
    for (const lane of this.#lanes) {
      lane.unnoticed = true;
      lane.peerIncarnation = this.#network.station(lane.to)?.incarnation ?? "";
      this.#tell(lane, "up");
    }
  }

  #drop(reason: string): void {
    this.#up = false;
    this.#brokeOnce = true;
    this.#generation += 1;
    this.#network.timeline.note(`link-break ${this.a} ${this.b} ${reason}`);
    for (const lane of this.#lanes) {
      this.#network.lost += lane.queue.length;
      lane.queue = [];
      lane.held = 0;
    }
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

  #scheduleDelivery(lane: Lane): void {
    const { timeline } = this.#network;
    const dueUs = Math.max(lane.lastDueUs, timeline.nowUs + Math.ceil(this.#network.drawDelayUs()));
    lane.lastDueUs = dueUs;
    const generation = this.#generation;
    timeline.after(dueUs - timeline.nowUs, () => {
      if (this.#generation === generation) this.#deliver(lane);
    });
  }

  /**
   * By itself, before or after what was sent around it. A connection keeps the order, and Raft must not rely on it: what goes over two
   * connections one after the other comes in any order.
   */
  #deliverApart(lane: Lane, envelope: Envelope): void {
    const { timeline } = this.#network;
    const generation = this.#generation;
    timeline.after(this.#network.drawDelayUs() * APART, () => {
      if (this.#generation === generation && lane.cuts === 0) this.#handOver(lane, envelope);
    });
  }

  #draws(share: number, { to, message }: Envelope): boolean {
    if (share === 0 || to.path !== "raft" || (message as { type?: unknown } | null)?.type !== "peer") return false;
    return this.#network.random.next() < share;
  }

  /** Every delivery takes the head of the queue, so two that are due at once stay in order. */
  #deliver(lane: Lane): void {
    if (lane.cuts > 0) {
      lane.held += 1;
      return;
    }
    const envelope = lane.queue.shift();
    if (envelope !== undefined) this.#handOver(lane, envelope);
  }

  #handOver(lane: Lane, envelope: Envelope): void {
    const station = this.#network.station(lane.to);
    if (station === null) return;
    this.#network.delivered += 1;
    this.#network.timeline.note(`deliver ${lane.from} ${lane.to} ${envelope.to.path} ${describe(envelope.message)}`);
    station.life.enter(() => station.receive(envelope));
  }

  /** What kernels say is lost with the link only; see the port. */
  #loses({ from }: Envelope): boolean {
    const { weather, random } = this.#network;
    return weather.loss > 0 && from.path !== KERNEL_PATH && random.next() < weather.loss;
  }

  #lane(from: number): Lane {
    return this.#lanes[from === this.a ? 0 : 1];
  }
}

/** A message's type, and a Raft message's type and term. */
function describe(message: unknown): string {
  const { type, message: inner } = (message ?? {}) as { type?: string; message?: { type?: string; term?: number } };
  return inner?.type === undefined ? String(type) : `${inner.type} ${inner.term ?? ""}`;
}
