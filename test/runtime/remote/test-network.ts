/**
 * Several actor systems in one process, and a network between them that moves only when the test says so: each direction of a
 * link is a queue, and which turn or delivery comes next is the test's choice.
 */
import {
  ActorSystem,
  createRandom,
  KERNEL_PATH,
  type Address,
  type AnyRef,
  type Clock,
  type Envelope,
  type LinkEvent,
  type Remoting,
  type Turn,
} from "../../../runtime/index.ts";
import { adoptRefs, type Adopter } from "../../../sim/network/adopt-refs.ts";
import { NO_PAYLOAD_TYPES } from "../../../transport/index.ts";

interface Station extends Adopter {
  receive(envelope: Envelope): void;
  resolve(address: Address): AnyRef;
  onLink(event: LinkEvent): void;
}

/** One pair of nodes. A side that has not noticed a break yet still sends, into nothing. */
interface Link {
  readonly nodes: readonly [string, string];
  /** By sender. */
  readonly queues: Map<string, Envelope[]>;
  up: boolean;
  /** Who has to notice that it broke. */
  readonly unnoticed: Set<string>;
}

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Steps after which the test must have come to rest; a run takes thousands. */
const STEPS_MAX = 1_000_000;

export class TestNetwork {
  readonly systems: Map<string, ActorSystem> = new Map();
  /** Everything that was handed to the network, in order. */
  readonly sent: Envelope[] = [];
  /** Called for each envelope of an actor when it is delivered and when it is lost. */
  onDelivered: (envelope: Envelope) => void = () => {};
  onLost: (envelope: Envelope) => void = () => {};
  /** Chooses what is lost on a link that is up. */
  loses: (envelope: Envelope) => boolean = () => false;
  readonly #stations = new Map<string, Station>();
  readonly #links: Link[] = [];
  readonly #turns: Turn[] = [];
  readonly #timers = new Set<Timer>();
  #nowMs = 0;

  constructor(nodes: readonly string[]) {
    for (const [i, node] of nodes.entries()) {
      for (const other of nodes.slice(0, i)) {
        const queues = new Map<string, Envelope[]>([
          [node, []],
          [other, []],
        ]);
        this.#links.push({ nodes: [other, node], queues, up: false, unnoticed: new Set() });
      }
      this.#create(node);
    }
    for (const link of this.#links) this.connect(...link.nodes);
  }

  system(node: string): ActorSystem {
    const system = this.systems.get(node);
    if (system === undefined) throw new Error(`There is no node ${node}`);
    return system;
  }

  /** What may happen next: a turn, or a delivery. Runs the one that `choice` picks; false when nothing can happen. */
  step(choice: number): boolean {
    const waiting = this.#waiting();
    const options = this.#turns.length + waiting.length;
    if (options === 0) return false;
    const at = choice % options;
    const delivery = waiting[at - this.#turns.length];
    if (delivery === undefined) this.#turns.splice(at, 1)[0]?.run();
    else this.#deliver(delivery.link, delivery.queue);
    return true;
  }

  /** Delivers at most `count` envelopes, while every actor waits for its turn. */
  deliver(count: number = STEPS_MAX): void {
    for (let i = 0; i < count; i++) {
      const [next] = this.#waiting();
      if (next === undefined) return;
      this.#deliver(next.link, next.queue);
    }
  }

  /** Gives at most `count` turns, while nothing is delivered. */
  turns(count: number = STEPS_MAX): void {
    for (let i = 0; i < count; i++) {
      const turn = this.#turns.shift();
      if (turn === undefined) return;
      turn.run();
    }
  }

  /** Runs everything that can happen without time. */
  settle(): void {
    for (let steps = 0; this.step(steps); steps++) if (steps > STEPS_MAX) throw new Error("It does not come to rest");
  }

  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      this.settle();
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = untilMs;
  }

  /** Breaks a link: what is under way is lost, and nobody knows yet. */
  cut(one: string, other: string): void {
    const link = this.#link(one, other);
    if (!link.up) return;
    link.up = false;
    for (const queue of link.queues.values()) for (const envelope of queue.splice(0)) this.#lost(envelope);
    for (const node of link.nodes) link.unnoticed.add(node);
  }

  /** One side notices that the link is broken. */
  notice(node: string, other: string): void {
    if (this.#link(node, other).unnoticed.delete(node)) this.#tell(node, other, "down");
  }

  /** Links two nodes again, when both have noticed that they are not. */
  connect(one: string, other: string): boolean {
    const link = this.#link(one, other);
    if (link.up || link.unnoticed.size > 0) return false;
    link.up = true;
    this.#tell(one, other, "up");
    this.#tell(other, one, "up");
    return true;
  }

  /** Says something in the name of a node, as a kernel of another version or an enemy would. */
  forge(envelope: Envelope): void {
    const station = this.#stations.get(envelope.to.node);
    station?.receive({ ...envelope, message: adoptRefs(envelope.message, station) });
  }

  stop(): void {
    for (const system of this.systems.values()) system.stop();
  }

  #waiting(): readonly { readonly link: Link; readonly queue: Envelope[] }[] {
    const queues = this.#links.flatMap((link) => [...link.queues.values()].map((queue) => ({ link, queue })));
    return queues.filter(({ queue }) => queue.length > 0);
  }

  #create(node: string): void {
    const listeners: ((event: LinkEvent) => void)[] = [];
    const station: Station = {
      types: NO_PAYLOAD_TYPES,
      receive: () => {},
      resolve: () => {
        throw new Error("No system has registered");
      },
      onLink: (event) => {
        for (const listen of listeners) listen(event);
      },
    };
    this.#stations.set(node, station);
    const remoting: Remoting = {
      send: (envelope) => this.#send(node, envelope),
      onEnvelope: (receive) => void (station.receive = receive),
      useRefs: (resolve) => void (station.resolve = resolve),
      onLink: (listen) => void listeners.push(listen),
    };
    const world = { clock: this.#clock(), random: createRandom(1), dispatcher: this.#dispatcher(), remoting };
    this.systems.set(node, ActorSystem.create({ node, world }));
  }

  #clock(): Clock {
    return {
      monotonicMs: () => this.#nowMs,
      wallMs: () => this.#nowMs,
      setTimer: (delayMs, run) => {
        const timer = { atMs: this.#nowMs + Math.max(0, delayMs), run };
        this.#timers.add(timer);
        return { timer };
      },
      clearTimer: ({ timer }) => void this.#timers.delete(timer as Timer),
    };
  }

  #dispatcher(): { schedule(turn: Turn): void } {
    return { schedule: (turn) => void this.#turns.push(turn) };
  }

  #send(node: string, { from, to, message, ...rest }: Envelope): void {
    // As a codec would: nothing of the sender's objects but the data goes over.
    const copy = { ...rest, from: { node, path: from.path }, to: { node: to.node, path: to.path }, message };
    this.sent.push(copy);
    const link = this.#links.find(({ nodes }) => nodes.includes(node) && nodes.includes(to.node));
    if (link?.up !== true || (from.path !== KERNEL_PATH && this.loses(copy))) this.#lost(copy);
    else link.queues.get(node)?.push(copy);
  }

  #deliver(link: Link, queue: Envelope[]): void {
    const envelope = queue.shift();
    const station = envelope === undefined ? undefined : this.#stations.get(envelope.to.node);
    if (envelope === undefined || station === undefined || !link.up) return;
    if (envelope.from.path !== KERNEL_PATH) this.onDelivered(envelope);
    station.receive({ ...envelope, message: adoptRefs(envelope.message, station) });
  }

  #lost(envelope: Envelope): void {
    if (envelope.from.path !== KERNEL_PATH) this.onLost(envelope);
  }

  #tell(node: string, other: string, type: "up" | "down"): void {
    this.#stations.get(node)?.onLink({ type, node: other, incarnation: `${other}-data` });
  }

  #link(one: string, other: string): Link {
    const link = this.#links.find(({ nodes }) => nodes.includes(one) && nodes.includes(other));
    if (link === undefined) throw new Error(`There is no link between ${one} and ${other}`);
    return link;
  }
}
