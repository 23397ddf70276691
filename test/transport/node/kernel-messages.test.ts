/** What kernels say over ws is dropped with its link only: a link that cannot take it ends, and both sides hear of that. */
import { afterEach, expect, test } from "vitest";
import { nodeClock } from "../../../runtime/node/node-clock.ts";
import { createNodeDispatcher } from "../../../runtime/node/node-dispatcher.ts";
import {
  ActorSystem,
  createRandom,
  KERNEL_PATH,
  stateless,
  type LinkEvent,
  type Remoting,
} from "../../../runtime/index.ts";
import { until, WsCluster } from "./ws-cluster.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

const MESSAGE = "x".repeat(1000);

async function startPair(): Promise<{ cluster: WsCluster; n1: Remoting; links: LinkEvent["type"][] }> {
  const cluster = await WsCluster.create(["n1", "n2"]);
  cleanups.push(() => cluster.close());
  const links: LinkEvent["type"][] = [];
  let n1: Remoting | undefined;
  for (const node of ["n2", "n1"]) {
    await cluster.start(node, (remoting) => {
      remoting.useRefs?.(() => {
        throw new Error("no test of this file sends a ref");
      });
      remoting.onEnvelope(() => {});
      if (node === "n2") return;
      n1 = remoting;
      remoting.onLink(({ type }) => links.push(type));
    });
  }
  await until(() => links.length === 1);
  if (n1 === undefined) throw new Error("n1 did not start");
  return { cluster, n1, links };
}

function flood(remoting: Remoting, from: string, count: number): void {
  for (let i = 0; i < count; i++) {
    remoting.send({ from: { node: "n1", path: from }, to: { node: "n2", path: KERNEL_PATH }, message: MESSAGE });
  }
}

test("a link full of messages still takes what kernels say, and stays", async () => {
  const { cluster, n1, links } = await startPair();
  const dropped: string[] = [];
  n1.onDropped?.(({ envelope }) => dropped.push(envelope.from.path));
  flood(n1, "actor", 40_000);
  expect(dropped.length).toBeGreaterThan(1000);
  flood(n1, KERNEL_PATH, 1000);
  expect(new Set(dropped)).toEqual(new Set(["actor"]));
  const sent = 41_000 - dropped.length;
  await until(() => cluster.running.get("n2")?.counters().envelopesReceived === sent);
  expect(links).toEqual(["up"]);
});

test("a link that cannot take what kernels say ends, after send() has returned, and comes back", async () => {
  const { n1, links } = await startPair();
  flood(n1, KERNEL_PATH, 80_000);
  expect(links).toEqual(["up"]);
  await until(() => links.length === 3);
  expect(links).toEqual(["up", "down", "up"]);
});

test("a receiver that presses back holds a sender on another node back, over ws", async () => {
  const cluster = await WsCluster.create(["n1", "n2"]);
  cleanups.push(() => cluster.close());
  const systems = new Map<string, ActorSystem>();
  for (const node of ["n1", "n2"]) {
    await cluster.start(node, (remoting) => {
      const world = { clock: nodeClock, random: createRandom(node), dispatcher: createNodeDispatcher(), remoting };
      const system = ActorSystem.create({ node, world });
      cleanups.push(() => system.stop());
      systems.set(node, system);
    });
  }
  const [n1, n2] = [systems.get("n1"), systems.get("n2")];
  if (n1 === undefined || n2 === undefined) throw new Error("a system did not start");
  const received: number[] = [];
  let goOn: (() => void) | undefined;
  n2.spawn(
    stateless<number>("sink", (number, ctx) => {
      if (number < 0) {
        ctx.release();
        return;
      }
      received.push(number);
      if (number > 0) return;
      // As long as it holds itself, what comes waits in its mailbox.
      ctx.hold();
      const answered = ctx.callback<null>(() => -1, { ahead: true });
      goOn = () => answered(null);
    }),
    { name: "sink", mailbox: { overflow: "back-pressure" } },
  );
  const sink = n1.refAt<number>({ node: "n2", path: "sink" });
  await until(() => cluster.running.get("n1")?.counters().linksUp === 1);
  for (let i = 0; i < 5000; i++) n1.tell(sink, i);
  await until(() => goOn !== undefined);
  let ready = false;
  void n1.ready(sink).then(() => (ready = true));
  await until(() => (cluster.running.get("n1")?.counters().envelopesSent ?? 0) >= 256);
  expect(ready).toBe(false);
  expect(cluster.running.get("n1")?.counters().envelopesSent).toBeLessThan(300);
  expect(received).toEqual([0]);
  goOn?.();
  await until(() => received.length === 5000);
  expect(received).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  await until(() => ready);
});
