/**
 * One direction of a link: what was sent and has not arrived yet, in order.
 *
 *     send ──▶ up? ──▶ of a kind that is lost? ──▶ lost? ──▶ narrow line ──▶ queue ──▶ delay ──▶ cut? held back ──▶ the receiver's life
 *
 * What is drawn for a message hangs on how many were sent before it in this direction and on nothing else (`keyed-draws.ts`). Messages count
 * while the link is down, too, so that a break moves nothing behind it.
 *
 * A connection keeps the order and carries each message once, as the transport's do. That some come twice or in another order is therefore not
 * of the network: it is what Raft's members must bear of each other, since they say things again and may be heard over two
 * connections one after the other. So it strikes what they say, and nothing else. The same holds for what is said again much later, over whatever
 * connection there is then (`listen`, `sayAgain`). The transport never does that: it sends nothing again, its frames are numbered by their
 * TCP connection, and others count on it. A proposal without a session, heard twice, acts twice; a repetition with a session
 * (docs/decisions/0009-sessions.md) is what its proposer makes itself, and clients of the simulator do.
 */
import { KERNEL_PATH, type Envelope } from "../../runtime/index.ts";
import { furtherWord, KeyedDraws, unitOf } from "./keyed-draws.ts";
import { Hindrance, type Listener } from "./hindrance.ts";
import type { LinkNetwork } from "./link-network.ts";
import { isOfPeers, kindOf, termOf } from "./message-kind.ts";
import { NarrowLine } from "./narrow-line.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { LaneWeather, type LaneWeatherKey, type NetworkWeather } from "./weather.ts";

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
  /** That of the whole network, unless a fault has made it worse here. */
  #weather: NetworkWeather;
  /** Null while no fault needs it. */
  #hindrance: Hindrance | null = null;
  readonly #network: LinkNetwork;
  readonly #draws: KeyedDraws;
  /** What share of the longest way it takes. */
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
  /** How many arrive with the last one, in one event: those that it has held up. */
  #lastBatch: { messages: number } = { messages: 0 };

  constructor(network: LinkNetwork, from: number, to: number) {
    this.#network = network;
    this.#weather = network.weather;
    this.from = from;
    this.to = to;
    this.#draws = new KeyedDraws(network.drawSeed, { from, to, purpose: "messages" });
    const distance = new KeyedDraws(network.drawSeed, { from, to, purpose: "distances" }).word(0);
    this.#distance = network.weather.spread ** -unitOf(distance);
  }

  /** When the last of what is under way is due. */
  get lastDueUs(): number {
    return this.#lastDueUs;
  }

  send(envelope: Envelope): void {
    const network = this.#network;
    const number = this.#sent++;
    const hindrance = this.#hindrance;
    if (!this.#isUp || hindrance?.takes(envelope) === true) {
      network.lost += 1;
      if (this.#isUp) network.met.filtered += 1;
      else if (this.unnoticed) network.met.vanished += 1;
      return;
    }
    const { loss, duplicates, reordered } = this.#weather;
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
    if (hindrance?.line.isNarrow === true) this.#standInLine(hindrance.line, envelope, word);
    else this.#enqueue(envelope, word);
  }

  /** One cut fewer. What was held back by the last one arrives now. */
  heal(): void {
    this.cuts -= 1;
    if (this.cuts > 0) return;
    const word = this.#draws.word(this.#sent);
    for (; this.#held > 0; this.#held -= 1) this.#scheduleDelivery(furtherWord(word, AFTER_CUT + this.#held));
  }

  /** As `heal`, but what was held back arrives at once. */
  unclog(): void {
    this.cuts -= 1;
    if (this.cuts > 0) return;
    const held = this.#queue.splice(0, this.#held);
    this.#held = 0;
    this.#network.met.burst += held.length;
    for (const envelope of held) this.#handOver(envelope);
  }

  /** A record of what is worse in this direction alone; each number is 0 where nothing is. */
  get worse(): Record<LaneWeatherKey, number> {
    if (!(this.#weather instanceof LaneWeather)) this.#weather = new LaneWeather(this.#network.weather);
    return (this.#weather as LaneWeather).worse;
  }

  /** So many bytes pass in a second, until the function that is returned is called. */
  narrow(bytesPerSecond: number): () => void {
    const { line } = this.#hinder();
    line.narrow(bytesPerSecond);
    return () => {
      line.widen(bytesPerSecond);
      this.#unhinder();
    };
  }

  /** Messages of this kind are lost, until the function that is returned is called. */
  lose(kind: string): () => void {
    const hindrance = this.#hinder();
    hindrance.lose(kind);
    return () => {
      hindrance.keep(kind);
      this.#unhinder();
    };
  }

  /** Tells of every message that is sent over a link that is up, but for those of kernels, until the function that is returned is called. */
  listen(listener: Listener): () => void {
    const hindrance = this.#hinder();
    hindrance.listen(listener);
    return () => {
      hindrance.unlisten(listener);
      this.#unhinder();
    };
  }

  /** What was sent earlier arrives again, if there is a connection. */
  sayAgain(envelope: Envelope): void {
    if (!this.#isUp) return;
    const { met } = this.#network;
    met.replayed += 1;
    this.#deliverApart(envelope, furtherWord(this.#draws.word(this.#sent), AFTER_CUT + met.replayed));
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
    this.#network.lost += queue.length + (this.#hindrance?.line.drop() ?? 0);
    this.#queue = [];
    this.#held = 0;
    // What is sent over the next connection arrives in events of its own.
    this.#lastBatch = { messages: 0 };
    return queue;
  }

  #hinder(): Hindrance {
    this.#hindrance ??= new Hindrance(
      new NarrowLine(this.#network.timeline, (envelope, word) => this.#enqueue(envelope, word)),
    );
    return this.#hindrance;
  }

  #unhinder(): void {
    if (this.#hindrance?.isOver === true) this.#hindrance = null;
  }

  #standInLine(line: NarrowLine, envelope: Envelope, word: number): void {
    const network = this.#network;
    network.met.queued += 1;
    if (line.push(envelope, word)) return;
    network.lost += 1;
    const detail = "the line is narrow, and 32 MiB wait";
    network.station(this.from)?.onDropped({ envelope, reason: "queue-full", detail });
  }

  #enqueue(envelope: Envelope, word: number): void {
    this.#queue.push(envelope);
    this.#scheduleDelivery(word);
  }

  #scheduleDelivery(word: number): void {
    const { timeline } = this.#network;
    const lastDueUs = this.#lastDueUs;
    const dueUs = Math.max(lastDueUs, timeline.nowUs + Math.ceil(this.#delayUs(word)));
    this.#lastDueUs = dueUs;
    if (dueUs === lastDueUs && dueUs > timeline.nowUs && this.#lastBatch.messages > 0) {
      this.#lastBatch.messages += 1;
      return;
    }
    const connection = this.#connection;
    const batch = { messages: 1 };
    this.#lastBatch = batch;
    timeline.after(dueUs - timeline.nowUs, () => {
      const { messages } = batch;
      batch.messages = 0;
      if (this.#connection === connection) for (let at = 0; at < messages; at++) this.#deliver();
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
    const { delayMinUs, delayMeanUs, spikes, spikeUs } = this.#weather;
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
    noteDelivery(network.timeline, this, envelope);
    station.life.enter(() => station.receive(envelope));
  }
}

function noteDelivery(timeline: Timeline, { from, to }: Lane, { to: { path }, message }: Envelope): void {
  const term = termOf(message);
  if (term === null) timeline.noteParts("deliver", from, to, path, kindOf(message));
  else timeline.noteParts("deliver", from, to, path, kindOf(message), term);
}

/** What kernels say is lost with the link only; see the port. */
function isLosable({ from }: Envelope): boolean {
  return from.path !== KERNEL_PATH;
}
