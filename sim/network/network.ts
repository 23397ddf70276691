/**
 * The network between the nodes: a link for each pair, faults that cut links, lose and delay messages.
 *
 *     send ──▶ link up? ──▶ delay ──▶ cut? held back ──▶ lost? ──▶ the receiver's life
 *
 * Messages are handed over as the objects they are, but for their refs, which each kernel makes for itself; with `strict` they
 * are first frozen and asked whether a codec could carry them.
 */
import type { Address, AnyRef, Envelope, EnvelopeDrop, LinkEvent, Random, Remoting } from "../../runtime/index.ts";
import { NO_PAYLOAD_TYPES, type PayloadTypes } from "../../transport/index.ts";
import { adoptRefs, type Adopter } from "./adopt-refs.ts";
import { drawSeedOf, type DrawSeed } from "./keyed-draws.ts";
import { Link } from "./link.ts";
import { isOfPeers, termOf } from "./message-kind.ts";
import type { LinkNetwork, NetworkMet, Station } from "./link-network.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import { freezeDeep, requirePlain } from "./strict-message.ts";
import type { Timeline } from "../timeline/timeline.ts";
import type { NetworkWeather } from "./weather.ts";

/** Who writes down what passes between nodes. */
export interface NetworkWatcher {
  /** `isLost`: it is certain already that it never arrives. */
  onSend(from: number, to: number, envelope: Envelope, isLost: boolean): void;
  /** The process at `at` gets it. */
  onReceive(at: number, envelope: Envelope): void;
}

export class Network implements LinkNetwork {
  /** Null: nobody watches. Set before the first process is attached. */
  watcher: NetworkWatcher | null = null;
  readonly weather: NetworkWeather;
  readonly timeline: Timeline;
  readonly drawSeed: DrawSeed;
  /** Freeze and check what is sent. */
  readonly strict: boolean;
  readonly payloadTypes: PayloadTypes;
  delivered = 0;
  lost = 0;
  readonly met: NetworkMet = { filtered: 0, replayed: 0, burst: 0, queued: 0, vanished: 0, stormed: 0 };
  readonly #nodes: readonly string[];
  readonly #links: Link[][] = [];
  readonly #allLinks: readonly Link[];
  readonly #stations: (Station | null)[] = [];
  readonly #names = new Map<string, number>();

  constructor(options: {
    readonly nodes: readonly string[];
    readonly timeline: Timeline;
    readonly random: Random;
    readonly weather: NetworkWeather;
    readonly strict: boolean;
    /** Types of an application's own that may be in messages. Default: none. */
    readonly payloadTypes?: PayloadTypes;
  }) {
    this.weather = options.weather;
    this.timeline = options.timeline;
    this.drawSeed = drawSeedOf(options.random);
    this.strict = options.strict;
    this.payloadTypes = options.payloadTypes ?? NO_PAYLOAD_TYPES;
    this.#nodes = options.nodes;
    for (const [index, name] of options.nodes.entries()) {
      this.#names.set(name, index);
      this.#stations.push(null);
      this.#links.push(options.nodes.slice(0, index).map((_, other) => new Link(this, other, index)));
    }
    this.#allLinks = this.#links.flat();
  }

  station(index: number): Station | null {
    return this.#stations[index] ?? null;
  }

  nameOf(index: number): string {
    return this.#nodes[index] ?? "";
  }

  link(a: number, b: number): Link {
    const link = this.#links[Math.max(a, b)]?.[Math.min(a, b)];
    if (link === undefined) throw new Error(`There is no link between node ${a} and node ${b}`);
    return link;
  }

  /** Whether a stream of its own gets on between two machines, whatever becomes of the link of their nodes. */
  isOpen(a: number, b: number): boolean {
    return a === b || !this.link(a, b).isCut;
  }

  links(): readonly Link[] {
    return this.#allLinks;
  }

  /** What faults of the network did to messages and connections. */
  marks(): Readonly<Record<string, number>> {
    const { filtered, replayed, burst, queued, vanished, stormed } = this.met;
    return {
      ...{ "messages filtered": filtered, "messages said again": replayed, "messages in a burst": burst },
      ...{ "messages in line": queued, "messages to nobody": vanished, "connections stormed": stormed },
    };
  }

  /** Makes the remoting port of one life and brings its links up. */
  attach(node: string, incarnation: string, life: ProcessLife): Remoting {
    const index = this.#names.get(node) as number;
    let receive: ((envelope: Envelope) => void) | undefined;
    let resolve: ((address: Address) => AnyRef) | undefined;
    let adopter: Adopter | undefined;
    const listeners: ((event: LinkEvent) => void)[] = [];
    const dropListeners: ((drop: EnvelopeDrop) => void)[] = [];
    const station: Station = {
      node,
      index,
      incarnation,
      life,
      receive: (envelope) => {
        this.watcher?.onReceive(index, envelope);
        // What Raft's members say to each other is most of what is said, and holds no refs and nothing of an application's types.
        if (resolve === undefined || (isOfPeers(envelope) && termOf(envelope.message) !== null)) {
          receive?.(envelope);
          return;
        }
        adopter ??= { resolve, types: this.payloadTypes };
        const drop = this.#adopt(envelope, adopter);
        if ("reason" in drop) station.onDropped(drop);
        else receive?.(drop);
      },
      onDropped: (drop) => {
        for (const listen of dropListeners) listen(drop);
      },
      onLink: (event) => {
        for (const listen of listeners) listen(event);
      },
    };
    this.#stations[index] = station;
    for (const link of this.links()) if (link.a === index || link.b === index) link.connectSoon();
    return {
      send: (envelope) => this.#send(station, envelope),
      onEnvelope: (listen) => {
        receive = listen;
      },
      useRefs: (make) => {
        resolve = make;
      },
      onLink: (listen) => void listeners.push(listen),
      onDropped: (listen) => void dropListeners.push(listen),
    };
  }

  /** The process is gone: its peers notice after a while, at once when its kernel still lives to say so. */
  detach(index: number, kernelSurvives: boolean): void {
    this.#stations[index] = null;
    for (const link of this.links()) if (link.a === index || link.b === index) link.endpointLost(kernelSurvives);
  }

  /** The envelope as its receiver has it, or why it cannot be read. */
  #adopt(envelope: Envelope, adopter: Adopter): Envelope | EnvelopeDrop {
    try {
      const message = adoptRefs(envelope.message, adopter);
      return message === envelope.message ? envelope : { ...envelope, message };
    } catch (error) {
      const detail = `it holds a value that cannot be decoded: ${String(error)}`;
      return { envelope: { ...envelope, message: undefined }, reason: "unreadable", detail };
    }
  }

  #send(from: Station, envelope: Envelope): void {
    if (!from.life.alive) return;
    const index = this.#names.get(envelope.to.node);
    if (index === undefined || index === from.index) return;
    if (this.strict) {
      requirePlain(envelope, this.timeline, this.payloadTypes);
      freezeDeep(envelope.message);
    }
    const { lost } = this;
    this.link(from.index, index).send(from.index, envelope);
    this.watcher?.onSend(from.index, index, envelope, this.lost > lost);
  }
}
