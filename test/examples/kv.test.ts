/** The store of the examples as three nodes in this process, over real sockets and real disks: what its README promises. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePorts } from "../../bench/raft/free-ports.ts";
import { KvClient } from "../../examples/kv/kv-client.ts";
import { KvConnection } from "../../examples/kv/kv-connection.ts";
import { OUTCOMES, REQUEST_KINDS, type KvReply } from "../../examples/kv/kv-protocol.ts";
import type { KvStatus } from "../../examples/kv/kv-status.ts";
import { startKv, type KvStore } from "../../examples/kv/kv-store.ts";
import { encodeCommand } from "../../examples/kv/kv-command.ts";

const TIMEOUT_MS = 60_000;
const CALL_MS = 20_000;

class Nodes {
  readonly folder = mkdtempSync(join(tmpdir(), "blixard-kv-"));
  readonly #running = new Map<string, KvStore>();
  readonly #peers: Map<string, { readonly listen: Address; readonly serve: Address }>;

  static async start(): Promise<Nodes> {
    const ports = await freePorts(6);
    const at = (i: number): Address => ({ host: "127.0.0.1", port: ports[i] ?? 0 });
    const nodes = new Nodes(
      new Map(["n1", "n2", "n3"].map((name, i) => [name, { listen: at(2 * i), serve: at(2 * i + 1) }])),
    );
    await Promise.all(nodes.names.map(async (name) => nodes.start(name)));
    return nodes;
  }

  private constructor(peers: Map<string, { readonly listen: Address; readonly serve: Address }>) {
    this.#peers = peers;
  }

  get names(): readonly string[] {
    return [...this.#peers.keys()];
  }

  get addresses(): readonly string[] {
    return this.names.map((name) => this.addressOf(name));
  }

  addressOf(name: string): string {
    return `127.0.0.1:${this.#peers.get(name)?.serve.port}`;
  }

  async start(name: string): Promise<void> {
    const peer = this.#peers.get(name);
    if (peer === undefined) throw new Error(`There is no node "${name}"`);
    const data = join(this.folder, name);
    mkdirSync(data, { recursive: true });
    this.#running.set(name, await startKv({ name, data, token: "of this test alone", ...peer, peers: this.#peers }));
  }

  async stop(name: string): Promise<void> {
    await this.#running.get(name)?.close();
    this.#running.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.names.map(async (name) => this.stop(name)));
    rmSync(this.folder, { recursive: true });
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function ask(address: string, kind: number, bytes: Uint8Array): Promise<KvReply> {
  const connection = await KvConnection.open(`ws://${address}`);
  try {
    return await new Promise((resolve) => connection.send(kind, bytes, resolve));
  } finally {
    connection.close();
  }
}

async function statusOf(address: string): Promise<KvStatus> {
  const { bytes } = await ask(address, REQUEST_KINDS.status, new Uint8Array(0));
  return JSON.parse(Buffer.from(bytes).toString()) as KvStatus;
}

test(
  "startKv() serves what KvClient asks, through the loss of the leader and a restart of all nodes",
  { timeout: TIMEOUT_MS },
  async () => {
    await using nodes = await Nodes.start();
    const client = new KvClient({ addresses: nodes.addresses, timeoutMs: CALL_MS, session: "a-client" });
    expect(await client.get("greeting")).toEqual({ ok: true, value: null });
    expect(await client.put("greeting", "hello")).toEqual({ ok: true, value: null });
    expect(await client.cas("greeting", "good day", "ahoy")).toEqual({ ok: true, value: false });
    expect(await client.cas("greeting", "hello", "gr\u{fc}\u{df} dich")).toEqual({ ok: true, value: true });
    expect(await client.get("greeting")).toEqual({ ok: true, value: "gr\u{fc}\u{df} dich" });

    const { leader } = await statusOf(nodes.addressOf("n1"));
    if (leader === null) throw new Error("A leader has answered and is not known");
    const follower = nodes.names.find((name) => name !== leader) ?? "";
    const command = encodeCommand({ type: "put", key: "k", value: "v" });
    const refused = await ask(nodes.addressOf(follower), REQUEST_KINDS.write, command);
    expect(refused.outcome).toBe(OUTCOMES.notLeader);
    expect(Buffer.from(refused.bytes).toString()).toBe(nodes.addressOf(leader));

    await nodes.stop(leader);
    expect(await client.put("after", "the leader was lost")).toEqual({ ok: true, value: null });
    expect(await client.get("greeting")).toEqual({ ok: true, value: "gr\u{fc}\u{df} dich" });
    expect(await client.delete("greeting")).toEqual({ ok: true, value: true });
    await nodes.start(leader);

    await Promise.all(nodes.names.map(async (name) => nodes.stop(name)));
    await Promise.all(nodes.names.map(async (name) => nodes.start(name)));
    expect(await client.get("after")).toEqual({ ok: true, value: "the leader was lost" });
    expect(await client.get("greeting")).toEqual({ ok: true, value: null });
    client.close();
  },
);

test(
  "KvServer ends a connection whose frames are not of its protocol, and serves the others",
  { timeout: TIMEOUT_MS },
  async () => {
    await using nodes = await Nodes.start();
    const [address = ""] = nodes.addresses;
    const stranger = new WebSocket(`ws://${address}`);
    const closed = new Promise((resolve) => stranger.addEventListener("close", resolve, { once: true }));
    stranger.addEventListener("open", () => stranger.send(Uint8Array.of(0xc1)));
    await closed;
    expect((await ask(address, 99, new Uint8Array(0))).outcome).toBe(OUTCOMES.refused);
  },
);
