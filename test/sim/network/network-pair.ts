/** Two linked nodes, `n1` and `n2`, of which the first sends to the second: what tests of the network need. */
import {
  createRandom,
  KERNEL_PATH,
  type Envelope,
  type EnvelopeDrop,
  type LinkEvent,
  type Remoting,
} from "../../../runtime/index.ts";
import { Network } from "../../../sim/network/network.ts";
import type { NetworkWeather } from "../../../sim/network/weather.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

export const WEATHER: NetworkWeather = {
  delayMinUs: 50,
  delayMeanUs: 500,
  loss: 0,
  spikes: 0.01,
  spikeUs: 20_000,
  duplicates: 0,
  reordered: 0,
  spread: 1,
};

/** Each message takes a millisecond, and nothing is drawn. */
export const EXACT_WEATHER: NetworkWeather = { ...WEATHER, delayMinUs: 1000, delayMeanUs: 0, spikes: 0 };

/** What arrived, and when. */
export interface Arrival {
  readonly atMs: number;
  readonly message: unknown;
}

export interface NetworkPair {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly lives: readonly ProcessLife[];
  /** What the first is told of links. */
  readonly events: readonly LinkEvent[];
  /** What the second is told of them. */
  readonly eventsAtSecond: readonly LinkEvent[];
  readonly drops: readonly EnvelopeDrop[];
  readonly arrivals: readonly Arrival[];
  send(message: unknown, paths?: { readonly from?: string; readonly to?: string }): void;
  /** From the second to the first. */
  sendBack(message: unknown): void;
  readonly arrivalsBack: readonly Arrival[];
  received(): readonly unknown[];
  run(durationMs: number): void;
}

export const FROM_KERNEL: { readonly from: string } = { from: KERNEL_PATH };

export function networkPair(weather: Partial<NetworkWeather> = {}): NetworkPair {
  const random = createRandom(7);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 50 }));
  const options = { nodes: ["n1", "n2"], timeline, random, weather: { ...WEATHER, ...weather }, strict: false };
  const network = new Network(options);
  const lives = [new ProcessLife(1), new ProcessLife(1)];
  const [first, second] = lives.map((life, at) => network.attach(`n${at + 1}`, `i${at + 1}`, life)) as [
    Remoting,
    Remoting,
  ];
  const arrivals: Arrival[] = [];
  const arrivalsBack: Arrival[] = [];
  const events: LinkEvent[] = [];
  const eventsAtSecond: LinkEvent[] = [];
  const drops: EnvelopeDrop[] = [];
  first.onLink((event) => events.push(event));
  second.onLink((event) => eventsAtSecond.push(event));
  first.onDropped?.((drop) => drops.push(drop));
  const into =
    (list: Arrival[]) =>
    ({ message }: Envelope): void =>
      void list.push({ atMs: timeline.nowMs, message });
  second.onEnvelope(into(arrivals));
  first.onEnvelope(into(arrivalsBack));
  const run = (durationMs: number): void => timeline.run(timeline.nowUs + durationMs * 1000);
  run(50);
  return {
    ...{ timeline, network, lives, events, eventsAtSecond, drops, arrivals, arrivalsBack, run },
    send: (message, { from = "a", to = "b" } = {}) => {
      first.send({ from: { node: "n1", path: from }, to: { node: "n2", path: to }, message });
    },
    sendBack: (message) => {
      second.send({ from: { node: "n2", path: "b" }, to: { node: "n1", path: "a" }, message });
    },
    received: () => arrivals.map(({ message }) => message),
  };
}
