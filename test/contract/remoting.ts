/**
 * What every driver of the remoting port does (../../runtime/ports/remoting.ts). A driver's test file calls
 * `remotingContract` with a function that makes a fresh cluster of unstarted nodes.
 */
import { afterEach, describe, expect, test } from "vitest";
import type { Address } from "../../runtime/ports/address.ts";
import type { Envelope, LinkEvent, Remoting } from "../../runtime/ports/remoting.ts";
import { Ref, type AnyRef } from "../../runtime/ref.ts";

/** A network of named nodes, of which any may run. */
export interface RemotingCluster {
  /** Starts the node, with a new incarnation unless told one. The system below registers before anything can arrive. */
  start(node: string, register: (remoting: Remoting) => void): Promise<void>;
  /** The node's process ends; its peers notice by themselves. */
  stop(node: string): Promise<void>;
  /** Lets time pass (the driver's own) until the condition holds; rejects when it does not within about 5 s. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** One node as the tests see it: what arrived, which links it had. */
interface Station {
  readonly remoting: Remoting;
  readonly messages: unknown[];
  readonly envelopes: Envelope[];
  readonly links: LinkEvent[];
}

export function remotingContract(
  driver: string,
  createCluster: (nodes: readonly string[]) => Promise<RemotingCluster>,
): void {
  describe(`remoting: ${driver}`, () => {
    const clusters: RemotingCluster[] = [];

    afterEach(async () => {
      await Promise.all(clusters.splice(0).map((cluster) => cluster.close()));
    });

    async function create(nodes: readonly string[] = ["n1", "n2"]): Promise<RemotingCluster> {
      const cluster = await createCluster(nodes);
      clusters.push(cluster);
      return cluster;
    }

    async function pair(): Promise<{ cluster: RemotingCluster; n1: Station; n2: Station }> {
      const cluster = await create();
      const n2 = await startStation(cluster, "n2");
      const n1 = await startStation(cluster, "n1");
      await cluster.until(() => isUp(n1, "n2") && isUp(n2, "n1"));
      return { cluster, n1, n2 };
    }

    test("send() delivers an envelope as it was sent, in both directions", async () => {
      const { cluster, n1, n2 } = await pair();
      const there = envelope("n1", "n2", { type: "ping", n: 1 });
      const back = envelope("n2", "n1", { type: "pong", n: 1 });
      n1.remoting.send(there);
      n2.remoting.send(back);
      await cluster.until(() => n1.envelopes.length + n2.envelopes.length === 2);
      expect(n2.envelopes).toEqual([there]);
      expect(n1.envelopes).toEqual([back]);
    });

    test("send() keeps the order of a pair and delivers each envelope once", async () => {
      const { cluster, n1, n2 } = await pair();
      const count = 5000;
      for (let i = 0; i < count; i++) {
        n1.remoting.send(envelope("n1", "n2", i));
        n2.remoting.send(envelope("n2", "n1", i));
        if (i % 500 === 0) await cluster.until(() => true);
      }
      await cluster.until(() => n1.messages.length >= count && n2.messages.length >= count);
      const inOrder = Array.from({ length: count }, (_, i) => i);
      expect(n1.messages).toEqual(inOrder);
      expect(n2.messages).toEqual(inOrder);
    });

    test("send() carries every kind of plain data", async () => {
      const { cluster, n1, n2 } = await pair();
      const message = {
        nothing: null,
        flags: [true, false],
        numbers: [0, -1, 127, 128, 65_536, 2 ** 40, Number.MAX_SAFE_INTEGER, 0.1, -1e300],
        bigint: 2n ** 63n,
        text: "Grüße, 世界 🙂",
        bytes: new Uint8Array([0, 255, 128]),
        empty: [{}, [], "", new Uint8Array(0)],
        deep: { a: { b: [{ c: [1] }] } },
      };
      n1.remoting.send(envelope("n1", "n2", message));
      await cluster.until(() => n2.messages.length === 1);
      expect(n2.messages[0]).toEqual(message);
      expect((n2.messages[0] as typeof message).bytes.constructor).toBe(Uint8Array);
    });

    test("send() carries the other payload types, each as what it is", async () => {
      const { cluster, n1, n2 } = await pair();
      const message = {
        map: new Map<unknown, unknown>([
          ["a", 1],
          [{ key: true }, new Map([[1, new Set([2])]])],
        ]),
        set: new Set(["a", new Uint8Array([1])]),
        at: [new Date(1_700_000_000_123), new Date(Number.NaN)],
        huge: [2n ** 64n, -(2n ** 200n)],
        numbers: [-0, Number.NaN, Infinity, -Infinity],
        nothing: [undefined, { here: undefined }],
        buffer: Buffer.from("bytes"),
        views: [new Float64Array([0.5, -0]), new Int16Array([-1]), new BigUint64Array([2n ** 63n])],
      };
      n1.remoting.send(envelope("n1", "n2", message));
      await cluster.until(() => n2.messages.length === 1);
      expect(n2.messages[0]).toStrictEqual(message);
    });

    test("send() carries errors, of any class as an Error of that name", async () => {
      const { cluster, n1, n2 } = await pair();
      class NotFound extends Error {
        override readonly name = "NotFound";
        readonly code = "not-found";
      }
      n1.remoting.send(envelope("n1", "n2", [new NotFound("no VM", { cause: new TypeError("inner") })]));
      await cluster.until(() => n2.messages.length === 1);
      const [error] = n2.messages[0] as [NotFound];
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name: "NotFound", message: "no VM", code: "not-found" });
      expect(error.cause).toBeInstanceOf(Error);
      expect(error.cause).toMatchObject({ name: "TypeError", message: "inner" });
    });

    test("send() carries a payload of 40 MiB between small ones, in order for its receiver", async () => {
      const { cluster, n1, n2 } = await pair();
      const big = new Uint8Array(40 * 1024 * 1024);
      for (let i = 0; i < big.length; i += 4099) big[i] = i % 251;
      n1.remoting.send(envelope("n1", "n2", "before"));
      n1.remoting.send(envelope("n1", "n2", big));
      n1.remoting.send({ ...envelope("n1", "n2", "after"), from: { node: "n1", path: "another" } });
      await cluster.until(() => n2.messages.length === 3);
      expect(n2.messages[0]).toBe("before");
      expect(sameBytes(n2.messages[1] as Uint8Array, big)).toBe(true);
      expect(n2.messages[2]).toBe("after");
    });

    test("send() carries refs to any node, wherever they stand in the message", async () => {
      const { cluster, n1, n2 } = await pair();
      const [here, there, elsewhere] = [ref("n1", "web/client"), ref("n2", "raft"), ref("n3", "a.b-c_d")];
      n1.remoting.send(envelope("n1", "n2", { replyTo: here, all: [there, { deep: elsewhere }] }));
      n1.remoting.send(envelope("n1", "n2", here));
      await cluster.until(() => n2.messages.length === 2);
      const first = n2.messages[0] as { replyTo: AnyRef; all: [AnyRef, { deep: AnyRef }] };
      const received = [first.replyTo, first.all[0], first.all[1].deep, n2.messages[1] as AnyRef];
      expect(received.every((one) => one instanceof Ref)).toBe(true);
      expect(received.map((one) => one.toString())).toEqual(
        [here, there, elsewhere, here].map((one) => one.toString()),
      );
    });

    test("send() drops without a word when there is no link, and to a node nobody knows", async () => {
      const cluster = await create();
      const n1 = await startStation(cluster, "n1");
      n1.remoting.send(envelope("n1", "n2", "too early"));
      n1.remoting.send(envelope("n1", "nobody", "lost"));
      const n2 = await startStation(cluster, "n2");
      await cluster.until(() => isUp(n1, "n2") && isUp(n2, "n1"));
      n1.remoting.send(envelope("n1", "n2", "now"));
      await cluster.until(() => n2.messages.length > 0);
      expect(n2.messages).toEqual(["now"]);
    });

    test("onLink() tells of the link on both sides, and of its end when the peer stops", async () => {
      const { cluster, n1, n2 } = await pair();
      expect(n1.links).toEqual([{ type: "up", node: "n2", incarnation: expect.any(String) }]);
      expect(n2.links).toEqual([{ type: "up", node: "n1", incarnation: expect.any(String) }]);
      await cluster.stop("n2");
      await cluster.until(() => n1.links.length === 2);
      expect(n1.links[1]).toEqual({ ...n1.links[0], type: "down" });
      n1.remoting.send(envelope("n1", "n2", "into the void"));
    });

    test.each(["n1", "n2"])("onLink() tells of %s coming back with another incarnation", async (restarted) => {
      const { cluster, n1, n2 } = await pair();
      const [other, before] = restarted === "n1" ? [n2, n1] : [n1, n2];
      await cluster.stop(restarted);
      await cluster.until(() => !isUp(other, restarted));
      const after = await startStation(cluster, restarted);
      await cluster.until(() => isUp(other, restarted) && after.links.length === 1);
      const ups = other.links.filter((event) => event.type === "up");
      expect(other.links.map((event) => event.type)).toEqual(["up", "down", "up"]);
      expect(ups[0]?.incarnation).not.toBe(ups[1]?.incarnation);
      const from = other === n1 ? "n1" : "n2";
      other.remoting.send(envelope(from, restarted, "hello again"));
      await cluster.until(() => after.messages.length === 1);
      expect(after.messages).toEqual(["hello again"]);
      expect(before.messages).toEqual([]);
    });

    test("onLink() reports each peer of a larger cluster by itself", async () => {
      const nodes = ["n1", "n2", "n3"];
      const cluster = await create(nodes);
      const stations = new Map<string, Station>();
      for (const node of nodes) stations.set(node, await startStation(cluster, node));
      const others = (node: string): string[] => nodes.filter((one) => one !== node);
      await cluster.until(() => [...stations].every(([node, at]) => others(node).every((other) => isUp(at, other))));
      for (const [node, station] of stations) {
        for (const other of others(node)) station.remoting.send(envelope(node, other, `${node} to ${other}`));
      }
      await cluster.until(() => [...stations.values()].every((station) => station.messages.length === 2));
      for (const [node, station] of stations) {
        expect(new Set(station.messages)).toEqual(new Set(others(node).map((other) => `${other} to ${node}`)));
      }
    });
  });
}

async function startStation(cluster: RemotingCluster, node: string): Promise<Station> {
  const messages: unknown[] = [];
  const envelopes: Envelope[] = [];
  const links: LinkEvent[] = [];
  let remoting: Remoting | undefined;
  await cluster.start(node, (started) => {
    remoting = started;
    started.useRefs?.(({ node: at, path }) => ref(at, path));
    started.onEnvelope((received) => {
      envelopes.push(received);
      messages.push(received.message);
    });
    started.onLink((event) => links.push(event));
  });
  if (remoting === undefined) throw new Error(`The driver did not register node ${node}`);
  return { remoting, messages, envelopes, links };
}

function isUp(station: Station, peer: string): boolean {
  return station.links.findLast((event) => event.node === peer)?.type === "up";
}

function envelope(from: string, to: string, message: unknown): Envelope {
  return { from: { node: from, path: "tester" }, to: { node: to, path: "tested" }, message };
}

function ref(node: string, path: string): AnyRef {
  const address: Address = { node, path };
  return new Ref<never>(address, { receive: () => {} });
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
