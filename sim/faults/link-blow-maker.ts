/** Draws the blows at links: which directions, how bad, how long. */
import type { Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { kindOf } from "../network/message-kind.ts";
import type { Directions } from "../schedule/link-blow.ts";
import type { BlowMaker } from "./blow-maker.ts";
import { logUniform } from "./log-uniform.ts";

/** From a line on which one snapshot takes minutes to one on which only much at once is felt. */
const BYTES_PER_SECOND = { min: 1000, max: 1_000_000 } as const;

/** A flapping link is down, and up, for so long at a time: shorter than it takes to notice, and longer. */
const FLAP_US = { min: 10_000, max: 5_000_000 } as const;

/** How long a side may believe in a connection that the other has forgotten: the transport's keepalive, and a firewall that keeps silent. */
const NOTICE_US = { min: 500_000, max: 4_000_000 } as const;

/** So long it is heard which kinds of messages there are before one is taken. */
const HEAR_US = { min: 100_000, max: 2_000_000 } as const;

/** What is said again is at least so old. */
const REPLAY_US = { min: 10_000, max: 60_000_000 } as const;

/** Share of storms of connections that are everybody's. */
const STORM_OF_ALL = 0.4;

export class LinkBlowMaker {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #blows: BlowMaker;

  constructor(cluster: Cluster, random: Random, blows: BlowMaker) {
    this.#cluster = cluster;
    this.#random = random;
    this.#blows = blows;
  }

  worsen(): boolean {
    const random = this.#random;
    const drawn = random.integer(4);
    const share = random.next();
    const worse = (
      [
        { key: "loss", value: share },
        { key: "delayMeanUs", value: 1000 * 10 ** (share * 2.5) },
        { key: "duplicates", value: share },
        { key: "reordered", value: share },
      ] as const
    )[drawn as 0 | 1 | 2 | 3];
    return this.#strike({ type: "link-weather", ...this.#directed(), ...worse });
  }

  narrow(): boolean {
    const { min, max } = BYTES_PER_SECOND;
    const bytesPerSecond = Math.round(logUniform(this.#random, min, max));
    return this.#strike({ type: "bandwidth", ...this.#directed(), bytesPerSecond });
  }

  clog(): boolean {
    return this.#strike({ type: "clog", ...this.#directed() });
  }

  flap(): boolean {
    const downUs = Math.round(logUniform(this.#random, FLAP_US.min, FLAP_US.max));
    const upUs = Math.round(logUniform(this.#random, FLAP_US.min, FLAP_US.max));
    return this.#strike({ type: "flap", ...this.#directed(), downUs, upUs });
  }

  replay(): boolean {
    const afterUs = Math.round(logUniform(this.#random, REPLAY_US.min, REPLAY_US.max));
    return this.#strike({ type: "replay", ...this.#directed(), afterUs });
  }

  storm(): boolean {
    const { nodes } = this.#cluster;
    const all = nodes.map(({ index }) => index);
    const one = this.#random.integer(nodes.length);
    const struck = this.#random.next() < STORM_OF_ALL ? all : [one];
    return this.#blows.strike({ type: "reconnect-storm", nodes: struck, durationUs: this.#blows.drawUs() });
  }

  forget(): boolean {
    const up = this.#cluster.network.links().filter((link) => link.up);
    const link = up.length === 0 ? undefined : up[this.#random.integer(up.length)];
    if (link === undefined) return false;
    const between = this.#random.next() < 0.5 ? ([link.a, link.b] as const) : ([link.b, link.a] as const);
    const noticeUs = Math.round(logUniform(this.#random, NOTICE_US.min, NOTICE_US.max));
    return this.#blows.strike({ type: "half-open", between, noticeUs });
  }

  /** Listens for a while which kinds of messages pass there, and then takes one of them. `isWanted`: false when all faults have ended. */
  filter(isWanted: () => boolean): boolean {
    const directed = this.#directed();
    const { network, timeline } = this.#cluster;
    const kinds = new Set<string>();
    const stops = directed.directions.map(([from, to]) =>
      network
        .link(from, to)
        .lane(from)
        .listen(({ message }) => kinds.add(kindOf(message))),
    );
    timeline.afterAside(logUniform(this.#random, HEAR_US.min, HEAR_US.max), () => {
      for (const stop of stops) stop();
      if (!isWanted() || kinds.size === 0) return;
      const kind = [...kinds][this.#random.integer(kinds.size)] as string;
      this.#strike({ type: "filter", ...directed, kind });
    });
    return true;
  }

  #strike(blow: Parameters<BlowMaker["strike"]>[0]): boolean {
    return this.#blows.strike(blow);
  }

  #directed(): { readonly directions: Directions; readonly durationUs: number } {
    return { directions: this.#drawDirections(), durationUs: Math.round(this.#blows.drawUs()) };
  }

  /** One direction, both of a pair, all to or from a node, or all there are. */
  #drawDirections(): Directions {
    const random = this.#random;
    const all = this.#cluster.nodes.map(({ index }) => index);
    const one = random.integer(all.length);
    const other = (one + 1 + random.integer(Math.max(1, all.length - 1))) % all.length;
    const others = all.filter((node) => node !== one);
    const drawn = random.next();
    if (one === other) return [];
    if (drawn < 0.3) return [[one, other]];
    if (drawn < 0.5) return both(one, other);
    if (drawn < 0.65) return others.map((node) => [one, node] as const);
    if (drawn < 0.8) return others.map((node) => [node, one] as const);
    if (drawn < 0.9) return others.flatMap((node) => both(one, node));
    return all.flatMap((from) => all.filter((to) => to !== from).map((to) => [from, to] as const));
  }
}

function both(one: number, other: number): Directions {
  return [
    [one, other],
    [other, one],
  ];
}
