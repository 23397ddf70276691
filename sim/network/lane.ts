/**
 * One direction of a link: what was sent and has not arrived yet, in order.
 *
 *     send ──▶ up? ──▶ lost? ──▶ queue ──▶ delay ──▶ cut? held back ──▶ the receiver's life
 *
 * What is drawn for a message hangs on how many were sent before it in this direction and on nothing else (`keyed-draws.ts`). Messages count
 * while the link is down, too, so that a break moves nothing behind it.
 *
 * A connection keeps the order and carries each message once, as the transport's do. That some come twice or in another order is therefore not
 * of the network: it is what Raft's members must bear of each other, since they say things again and may be heard over two
 * connections one after the other. So it strikes what they say, and nothing else.
 */
import { KERNEL_PATH, type Envelope } from "../../runtime/index.ts";
import { furtherWord, KeyedDraws, unitOf } from "./keyed-draws.ts";
import type { LinkNetwork } from "./link-network.ts";
import { describeMessage, isOfPeers } from "./message-kind.ts";

/** How much longer a message takes that comes by itself. */
const APART = 4;

/** Which word of a message decides what; the first one is its delay. */
const LOSS = 1;
const SPIKE = 2;
const SPIKE_LENGTH = 3;
const DUPLICATE = 4;
const DUPLICATE_DELAY = 5;
const REORDER = 6;
/** From here on: how long what a cut held back takes after it. */
const AFTER_CUT = 16;

export class Lane {
  readonly from: number;
  readonly to: number;
  /** Faults that cut this direction now. */
  cuts = 0;
  /** Whom the sender knows at the other end. */
  peerIncarnation = "";
  /** Whether the sender has yet to notice that the link is broken. */
  unnoticed = false;
  readonly #network: LinkNetwork;
  readonly #draws: KeyedDraws;
  /** How much longer it takes than the shortest way of all. */
  readonly #distance: number;
  #isUp = false;
  /** Counts connections, so that nothing of an old one is taken for the new one's. */
  #connection = 0;
  #sent = 0;
  /** Sent and not delivered, in order. */
  #queue: Envelope[] = [];
  /** Deliveries that were due during a cut. */
  #held = 0;
  #lastDueUs = 0;

  constructor(network: LinkNetwork, from: number, to: number) {
    this.#network = network;
    this.from = from;
    this.to = to;
    this.#draws = new KeyedDraws(network.drawSeed, { from, to, purpose: "messages" });
    const distance = new KeyedDraws(network.drawSeed, { from, to, purpose: "distances" }).word(0);
    this.#distance = network.weather.spread ** unitOf(distance);
  }

  /** When the last of what is under way is due. */
  get lastDueUs(): number {
    return this.#lastDueUs;
  }

  send(envelope: Envelope): void {
    const network = this.#network;
    const number = this.#sent++;
    if (!this.#isUp) {
      network.lost += 1;
      return;
    }
    const { loss, duplicates, reordered } = network.weather;
    const word = this.#draws.word(number);
    if (loss > 0 && isLosable(envelope) && unitOf(furtherWord(word, LOSS)) < loss) {
      network.lost += 1;
      return;
    }
    if (duplicates > 0 && isOfPeers(envelope) && unitOf(furtherWord(word, DUPLICATE)) < duplicates) {
      this.#deliverApart(envelope, furtherWord(word, DUPLICATE_DELAY));
    }
    if (reordered > 0 && isOfPeers(envelope) && unitOf(furtherWord(word, REORDER)) < reordered) {
      this.#deliverApart(envelope, word);
      return;
    }
    this.#queue.push(envelope);
    this.#scheduleDelivery(word);
  }

  /** One cut fewer. What was held back by the last one arrives now. */
  heal(): void {
    this.cuts -= 1;
    if (this.cuts > 0) return;
    const word = this.#draws.word(this.#sent);
    for (; this.#held > 0; this.#held -= 1) this.#scheduleDelivery(furtherWord(word, AFTER_CUT + this.#held));
  }

  connect(): void {
    this.#isUp = true;
    this.#connection += 1;
  }

  /** The connection is gone, and what was under way with it; returned, in order. */
  drop(): readonly Envelope[] {
    const queue = this.#queue;
    this.#isUp = false;
    this.#connection += 1;
    this.#network.lost += queue.length;
    this.#queue = [];
    this.#held = 0;
    return queue;
  }

  #scheduleDelivery(word: number): void {
    const { timeline } = this.#network;
    const dueUs = Math.max(this.#lastDueUs, timeline.nowUs + Math.ceil(this.#delayUs(word)));
    this.#lastDueUs = dueUs;
    const connection = this.#connection;
    timeline.after(dueUs - timeline.nowUs, () => {
      if (this.#connection === connection) this.#deliver();
    });
  }

  /** By itself, before or after what was sent around it. */
  #deliverApart(envelope: Envelope, word: number): void {
    const connection = this.#connection;
    this.#network.timeline.after(this.#delayUs(word) * APART, () => {
      if (this.#connection === connection && this.cuts === 0) this.#handOver(envelope);
    });
  }

  /** How long a message takes. */
  #delayUs(word: number): number {
    const { delayMinUs, delayMeanUs, spikes, spikeUs } = this.#network.weather;
    const delayUs = this.#distance * (delayMinUs - Math.log(1 - unitOf(word)) * delayMeanUs);
    if (spikes === 0 || unitOf(furtherWord(word, SPIKE)) >= spikes) return delayUs;
    return delayUs + unitOf(furtherWord(word, SPIKE_LENGTH)) * spikeUs;
  }

  /** Every delivery takes the head of the queue, so two that are due at once stay in order. */
  #deliver(): void {
    if (this.cuts > 0) {
      this.#held += 1;
      return;
    }
    const envelope = this.#queue.shift();
    if (envelope !== undefined) this.#handOver(envelope);
  }

  #handOver(envelope: Envelope): void {
    const network = this.#network;
    const station = network.station(this.to);
    if (station === null) return;
    network.delivered += 1;
    const what = describeMessage(envelope.message);
    network.timeline.note(`deliver ${this.from} ${this.to} ${envelope.to.path} ${what}`);
    station.life.enter(() => station.receive(envelope));
  }
}

/** What kernels say is lost with the link only; see the port. */
function isLosable({ from }: Envelope): boolean {
  return from.path !== KERNEL_PATH;
}
