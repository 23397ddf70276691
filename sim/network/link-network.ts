/** What links need of the network they belong to, and of the processes at their ends. */
import type { Envelope, EnvelopeDrop, LinkEvent } from "../../runtime/index.ts";
import type { ProcessLife } from "../timeline/process-life.ts";
import type { Timeline } from "../timeline/timeline.ts";
import type { DrawSeed } from "./keyed-draws.ts";
import type { NetworkWeather } from "./weather.ts";

/** A process as the network sees it. */
export interface Station {
  readonly node: string;
  readonly index: number;
  readonly incarnation: string;
  readonly life: ProcessLife;
  receive(envelope: Envelope): void;
  onLink(event: LinkEvent): void;
  /** What it sent and the link does not take. */
  onDropped(drop: EnvelopeDrop): void;
}

/** How often faults of the network met messages. */
export interface NetworkMet {
  /** Lost since they were of a kind that a fault takes. */
  filtered: number;
  /** Said again, a while after they were sent. */
  replayed: number;
  /** Arrived all at once when a clog ended. */
  burst: number;
  /** Stood in a narrow line. */
  queued: number;
  /** Sent into a link that the other side had forgotten or lost, before the sender noticed. */
  vanished: number;
  /** Connections that a storm broke as soon as they stood. */
  stormed: number;
}

export interface LinkNetwork {
  readonly weather: NetworkWeather;
  readonly timeline: Timeline;
  readonly drawSeed: DrawSeed;
  delivered: number;
  lost: number;
  readonly met: NetworkMet;
  nameOf(node: number): string;
  /** The process of a node; null while there is none. */
  station(node: number): Station | null;
}
