/** Remote spawn: what is registered on a node, others may spawn there. */
import { expect, test } from "vitest";
import {
  SPAWNER_SPAWN_OPTIONS,
  spawnerActor,
  spawnOn,
  stateless,
  type Behavior,
  type Ref,
  type SpawnOnRequest,
  type SpawnResult,
} from "../../../runtime/index.ts";
import { openNetwork } from "./open-network.ts";
import type { TestNetwork } from "./test-network.ts";

interface Greet {
  readonly name: string;
  readonly replyTo: Ref<string>;
}

/** Greets in the words that it was spawned with. */
function greeter(word: string): Behavior<null, Greet | "stop" | "crash"> {
  return stateless("greeter", (message, ctx) => {
    if (message === "crash") throw new Error("cannot");
    if (message === "stop") ctx.stop();
    else ctx.tell(message.replyTo, `${word}, ${message.name}, from ${ctx.node}`);
  });
}

function create(): { network: TestNetwork; spawnOnN2: SpawnOnN2; signals: string[] } {
  const network = openNetwork(["n1", "n2"]);
  network.system("n2").spawn(
    spawnerActor(
      {
        greeter: { accepts: (args): args is { word: string } => hasWord(args), make: ({ word }) => greeter(word) },
        broken: {
          accepts: (args): args is null => args === null,
          make: () => {
            throw new Error("no parts");
          },
        },
      },
      { spawnedMax: 3 },
    ),
    SPAWNER_SPAWN_OPTIONS,
  );
  const signals: string[] = [];
  const results: SpawnResult<Greet | "stop" | "crash">[] = [];
  type Ask = Omit<SpawnOnRequest<never, never>, "node" | "adapt" | "timeoutMs"> & { readonly node?: string };
  type Message = Ask | { readonly result: SpawnResult<Greet | "stop" | "crash"> };
  const asker: Behavior<null, Message> = {
    name: "asker",
    init: () => null,
    receive(state, message, ctx) {
      if ("result" in message) {
        results.push(message.result);
        if (message.result.ok) ctx.watch(message.result.ref);
      } else spawnOn(ctx, { node: "n2", timeoutMs: 100, ...message, adapt: (result) => ({ result }) });
      return state;
    },
    onSignal(state, signal) {
      if (signal.type === "terminated") signals.push(`${signal.ref.path} ${signal.reason}`);
      return state;
    },
  };
  const ref = network.system("n1").spawn(asker);
  const spawnOnN2 = (ask: Ask): SpawnResult<Greet | "stop" | "crash"> => {
    network.system("n1").tell(ref, ask);
    network.advance(200);
    const [result] = results.splice(0);
    if (result === undefined) throw new Error("It did not hear of it");
    return result;
  };
  return { network, spawnOnN2, signals };
}

type SpawnOnN2 = (
  ask: Omit<SpawnOnRequest<never, never>, "node" | "adapt" | "timeoutMs"> & { readonly node?: string },
) => SpawnResult<Greet | "stop" | "crash">;

function hasWord(args: unknown): boolean {
  return typeof args === "object" && args !== null && "word" in args && typeof args.word === "string";
}

test("spawnOn() spawns what is registered there, as a child of the spawner, and the ref works", async () => {
  const { network, spawnOnN2 } = create();
  const result = spawnOnN2({ behavior: "greeter", args: { word: "Hello" }, name: "first" });
  if (!result.ok) throw new Error(result.message);
  expect(result.ref.toString()).toBe("blixard://n2/spawner/first");
  const answer = network
    .system("n1")
    .ask<Greet | "stop" | "crash", string>(result.ref, (replyTo) => ({ name: "world", replyTo }), { timeoutMs: 10 });
  network.settle();
  expect(await answer).toEqual({ ok: true, answer: "Hello, world, from n2" });
});

test("watch() over what was spawned tells of its end", () => {
  const { network, spawnOnN2, signals } = create();
  for (const end of ["stop", "crash"] as const) {
    const result = spawnOnN2({ behavior: "greeter", args: { word: "Hi" }, name: end });
    if (!result.ok) throw new Error(result.message);
    network.system("n1").tell(result.ref, end);
    network.settle();
  }
  expect(signals).toEqual(["spawner/stop stopped", "spawner/crash crashed"]);
});

test("spawnOn() is refused by name, and nothing else is disturbed", () => {
  const { spawnOnN2 } = create();
  const refused = (ask: Parameters<typeof spawnOnN2>[0]): string => {
    const result = spawnOnN2(ask);
    return result.ok ? "spawned" : `${result.code}: ${result.message}`;
  };
  const args = { word: "Hi" };
  expect(refused({ behavior: "baker", args })).toBe(
    'unknown-behavior: Cannot spawn "baker" on node "n2": no behaviour "baker" is registered there',
  );
  expect(refused({ behavior: "greeter", args: { word: 7 } })).toBe(
    'bad-arguments: Cannot spawn "greeter" on node "n2": "greeter" does not accept the arguments',
  );
  expect(refused({ behavior: "broken", args: null })).toBe(
    'bad-arguments: Cannot spawn "broken" on node "n2": "broken" cannot be made of them: Error: no parts',
  );
  expect(refused({ behavior: "greeter", args, name: "a/b" })).toMatch(/^bad-name/);
  expect(refused({ behavior: "greeter", args, name: "one" })).toBe("spawned");
  expect(refused({ behavior: "greeter", args, name: "one" })).toMatch(/^name-taken/);
  expect(refused({ behavior: "greeter", args })).toBe("spawned");
  expect(refused({ behavior: "greeter", args })).toBe("spawned");
  expect(refused({ behavior: "greeter", args })).toMatch(/^too-many/);
  expect(refused({ behavior: "greeter", args, node: "n1" })).toBe(
    'no-recipient: Cannot spawn "greeter" on node "n1": no actor "spawner" runs there',
  );
  expect(refused({ behavior: "greeter", args, node: "n9" })).toMatch(/^node-down/);
});

test("the end of a spawned actor makes room for another, under the same name too", () => {
  const { network, spawnOnN2 } = create();
  for (let i = 0; i < 5; i++) {
    const result = spawnOnN2({ behavior: "greeter", args: { word: "Hi" }, name: "again" });
    if (!result.ok) throw new Error(result.message);
    network.system("n1").tell(result.ref, "stop");
    network.settle();
  }
  expect(spawnOnN2({ behavior: "greeter", args: { word: "Hi" }, name: "again" }).ok).toBe(true);
});

test("what is no request to spawn is a dead letter of the other node", () => {
  const { network } = create();
  const n1 = network.system("n1");
  for (const garbage of [null, { type: "spawn" }, { type: "spawn", behavior: "greeter", name: 3, replyTo: "me" }]) {
    n1.tell(n1.refAt<unknown>({ node: "n2", path: "spawner" }), garbage);
  }
  network.settle();
  expect(network.system("n2").deadLettersBy("wrong-type")).toBe(3);
});
