/** What links need of the network they belong to, and of the processes at their ends. */
import type { Envelope, LinkEvent } from "../../runtime/index.ts";
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
}

export interface LinkNetwork {
  readonly weather: NetworkWeather;
  readonly timeline: Timeline;
  readonly drawSeed: DrawSeed;
  delivered: number;
  lost: number;
  nameOf(node: number): string;
  /** The process of a node; null while there is none. */
  station(node: number): Station | null;
}
