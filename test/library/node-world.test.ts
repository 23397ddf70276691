/** The world of Node.js, ready made: alone, linked with another one, and with a folder that outlives it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  ActorSystem,
  createNodeWorld,
  eventSourced,
  joinCluster,
  startSingleton,
  stateless,
  type Behavior,
  type Logger,
  type NodeWorld,
  type NodeWorldOptions,
  type Ref,
} from "../../library/index.ts";

const TOKEN = "a token that was made for this test";

const lines: string[] = [];
const logger: Logger = { log: (level, message) => void lines.push(`${level}: ${message}`) };

const open: { readonly world: NodeWorld; readonly system: ActorSystem }[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const { world, system } of open.splice(0)) {
    system.stop();
    await world.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  lines.length = 0;
});

async function start(options: NodeWorldOptions): Promise<{ world: NodeWorld; system: ActorSystem }> {
  const world = await createNodeWorld({ log: logger, ...options });
  const started = { world, system: ActorSystem.create({ world }) };
  open.push(started);
  return started;
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "blixard-world-"));
  folders.push(folder);
  return folder;
}

/** Two ports that are free now. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      return (server.address() as AddressInfo).port;
    }),
  );
  await Promise.all(servers.map(async (server) => new Promise((done) => server.close(done))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

const greeter = stateless<Ref<string>>("greeter", (replyTo, ctx) => ctx.tell(replyTo, `hello from ${ctx.node}`));

test("createNodeWorld() without options runs a system of its own, named local", async () => {
  const { world, system } = await start({});
  expect(system.node).toBe("local");
  expect(await world.start()).toEqual({ port: undefined });
  const ref = system.spawn(greeter);
  expect(await system.ask<Ref<string>, string>(ref, (replyTo) => replyTo, { timeoutMs: 5000 })).toEqual({
    ok: true,
    answer: "hello from local",
  });
});

test("two worlds with one token talk to each other", async () => {
  const [port1, port2] = await freePorts();
  const at = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });
  const n1 = await start({ node: "n1", listen: { port: port1 }, peers: { n2: at(port2) }, token: TOKEN });
  const n2 = await start({ node: "n2", listen: { port: port2 }, peers: { n1: at(port1) }, token: TOKEN });
  n2.system.spawn(greeter, { name: "greeter" });
  expect(await n1.world.start()).toEqual({ port: port1 });
  await n2.world.start();
  const ref = n1.system.refAt<Ref<string>>({ node: "n2", path: "greeter" });
  await expect
    .poll(async () => n1.system.ask<Ref<string>, string>(ref, (replyTo) => replyTo, { timeoutMs: 200 }), {
      timeout: 8000,
    })
    .toEqual({ ok: true, answer: "hello from n2" });
});

type CountCommand = { readonly type: "add" } | { readonly type: "read"; readonly replyTo: Ref<number> };

function count(): Behavior<unknown, CountCommand> {
  return eventSourced<number, CountCommand, { readonly type: "added" }>({
    name: "count",
    streamId: "count",
    empty: 0,
    decide: (state, command, ctx) =>
      command.type === "add" ? ctx.persist({ type: "added" }) : ctx.reply(command.replyTo, state),
    evolve: (state) => state + 1,
  });
}

test("a world with a data folder keeps events, and is refused to a second process and to another node", async () => {
  const data = makeFolder();
  const first = await start({ node: "n1", data });
  const ref = first.system.spawn(count());
  first.system.tell(ref, { type: "add" });
  const read = (replyTo: Ref<number>): CountCommand => ({ type: "read", replyTo });
  expect(await first.system.ask(ref, read, { timeoutMs: 5000 })).toEqual({ ok: true, answer: 1 });
  await expect(createNodeWorld({ node: "n1", data, log: logger })).rejects.toMatchObject({ code: "store-locked" });
  first.system.stop();
  await first.world.close();
  open.length = 0;
  await expect(createNodeWorld({ node: "n2", data, log: logger })).rejects.toMatchObject({ code: "store-foreign" });
  const second = await start({ node: "n1", data });
  const again = second.system.spawn(count());
  second.system.tell(again, { type: "add" });
  expect(await second.system.ask(again, read, { timeoutMs: 5000 })).toEqual({ ok: true, answer: 2 });
});

test("a world with a data folder is a cluster of one, which has singletons", async () => {
  const world = await createNodeWorld({ node: "n1", data: makeFolder(), log: logger });
  const system = ActorSystem.create({ world });
  open.push({ world, system });
  joinCluster(system, world.cluster);
  const { ref } = startSingleton<null, Ref<string>>(system, { name: "greeter", make: () => greeter });
  await expect
    .poll(async () => system.ask<Ref<string>, string>(ref, (replyTo) => replyTo, { timeoutMs: 500 }), { timeout: 9000 })
    .toEqual({ ok: true, answer: "hello from n1" });
});

test("options that cannot work are refused, and what was opened is closed", async () => {
  const data = makeFolder();
  const wrong: NodeWorldOptions = { node: "n1", data, listen: { port: 0 }, token: "short", log: logger };
  await expect(createNodeWorld(wrong)).rejects.toMatchObject({ code: "transport-options" });
  await start({ node: "n1", data });
});

test("a data folder of which one part is refused leaves no other part taken", async () => {
  const data = makeFolder();
  for (const part of ["raft", "journal"]) {
    writeFileSync(join(data, part), "no folder");
    await expect(createNodeWorld({ node: "n1", data, log: logger })).rejects.toMatchObject({ code: "store-io" });
    rmSync(join(data, part));
  }
  await start({ node: "n1", data });
});

test("a turn that takes long is named", async () => {
  const { system } = await start({ watchdog: { slowMs: 20 } });
  const slow = stateless<number>("slow", (forMs) => {
    const untilMs = performance.now() + forMs;
    while (performance.now() < untilMs);
  });
  const ref = system.spawn(slow);
  // The thread takes a while to start.
  const beSlow = (): string => {
    system.tell(ref, 60);
    return lines.join("\n");
  };
  await expect.poll(beSlow, { timeout: 9000, interval: 100 }).toMatch(/warn: Actor "slow-1" took \d+ ms for one turn/);
});

test.each([
  [{ node: "" }, 'its name is "", wanted 1 to 64 letters, digits, "-", "_" and "."'],
  [{ node: "a/b" }, 'its name is "a/b"'],
  [{ listen: { port: Number.NaN } }, "the port to listen on is NaN, wanted 0 to 65535"],
  [{ listen: {} }, "the port to listen on is undefined"],
  [{ listen: { port: 80_000 } }, "the port to listen on is 80000"],
  [{ peers: { b: { host: "127.0.0.1", port: 0 } } }, 'the port of peer "b" is 0, wanted 1 to 65535'],
  [{ peers: { b: { port: 4000 } } }, 'the host of peer "b" is undefined'],
  [{ data: "" }, 'its data folder is "", wanted a path'],
  [{ log: "loud" }, 'the level of its log is "loud", wanted debug, info, warn, error'],
  [{ watchdog: { slowMs: Number.NaN } }, "the watchdog's slowMs is NaN"],
  [{ preferences: { priority: 1.5 } }, "its priority is 1.5, wanted a whole number from -10 to 10"],
  [{ watchdog: { stuckMs: -1 } }, "the watchdog's stuckMs is -1"],
])("createNodeWorld() refuses %j by its name", async (wrong, message) => {
  await expect(createNodeWorld(wrong as unknown as NodeWorldOptions)).rejects.toThrow(message);
});

test("a world that listens starts once, again after a port was taken, and not after its end", async () => {
  const blocker = createServer();
  await new Promise<void>((done) => blocker.listen(0, "127.0.0.1", done));
  const { port } = blocker.address() as AddressInfo;
  const { world } = await start({ node: "n1", listen: { port }, token: TOKEN });
  await expect(world.start()).rejects.toMatchObject({ code: "listen-port-in-use" });
  await new Promise((done) => blocker.close(done));
  expect(await world.start()).toEqual({ port });
  await expect(world.start()).rejects.toMatchObject({
    name: "TransportError",
    code: "transport-started",
    message: 'Cannot start to talk to other nodes as node "n1": it has started',
  });
  await world.close();
  await expect(world.start()).rejects.toMatchObject({
    code: "transport-closed",
    message: 'Cannot start to talk to other nodes as node "n1": it was closed',
  });
});

test("createNodeWorld() does not claim a folder for a name that is none", async () => {
  const data = mkdtempSync(join(tmpdir(), "blixard-world-"));
  folders.push(data);
  await expect(createNodeWorld({ node: "a b", data })).rejects.toThrow("its name");
  await start({ node: "ab", data });
});
