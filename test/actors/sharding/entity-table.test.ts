/** The entities of one node: never two actors of one, and what comes while one stops is for the next. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { SessionTerm } from "../../../actors/coordination/tenure.ts";
import { EntityTable, type EntityHome } from "../../../actors/sharding/entity-table.ts";
import { Home } from "../../../actors/sharding/home-shards.ts";
import type { ShardRegionSetup } from "../../../actors/sharding/shard-options.ts";
import type { ShardHostMessage } from "../../../actors/sharding/shard-protocol.ts";
import { ActorSystem, stateless, type AnyRef, type Context } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";

let world: ManualWorld;
let system: ActorSystem;
let home: Home;
let table: EntityTable<unknown, number>;
/** What happened, in order. */
let log: string[];
/** The next turn of the host. */
let turn: () => void;

beforeEach(() => {
  world = createManualWorld();
  system = ActorSystem.create({ node: "n1", world });
  log = [];
  home = new Home(0, 7, new SessionTerm(5, 60_000));
  system.spawn(
    {
      name: "host",
      init: (ctx: Context<ShardHostMessage>) => tableOf(ctx),
      receive: (state: EntityTable<unknown, number>) => {
        turn();
        return state;
      },
      onSignal: (state, signal) => {
        if (signal.type === "terminated") ended(signal.ref);
        return state;
      },
    },
    { name: "host" },
  );
});
afterEach(() => system.stop());

function ended(ref: AnyRef): void {
  table.ended(ref, false);
}

function tableOf(ctx: Context<ShardHostMessage>): EntityTable<unknown, number> {
  const setup = {
    type: "carts",
    passivateAfterMs: 1000,
    handOffMs: 1000,
    bufferMax: 3,
    supervision: { onCrash: "restart" },
    make: ({ id }: { readonly id: string }) => stateless<number>("cart", (number) => void log.push(`${id} ${number}`)),
  } as unknown as ShardRegionSetup<unknown, number>;
  table = new EntityTable<unknown, number>({
    ctx,
    setup,
    onStarted: (_: EntityHome, id) => void log.push(`begin ${id}`),
    onEnded: (_: EntityHome, id, end) => void log.push(`${end} ${id}`),
    onRefused: (number) => void log.push(`refused ${number}`),
    onHomeless: (_: EntityHome, id, number) => void log.push(`homeless ${id} ${number}`),
  });
  return table;
}

/** In one turn of the host, and then all that follows. */
function inOneTurn(run: () => void): readonly string[] {
  turn = run;
  log = [];
  system.tell(system.refAt<ShardHostMessage>({ node: "n1", path: "host" }), { type: "idle-due" });
  world.settle();
  return log;
}

test("what comes while an entity stops waits, in order, for the next actor of it", () => {
  const seen = inOneTurn(() => {
    table.deliver(home, "a", 1);
    table.passivate("a");
    for (const number of [2, 3, 4]) table.deliver(home, "a", number);
  });
  expect(seen).toEqual(["begin a", "a 1", "begin a", "a 2", "a 3", "a 4"]);
  expect(inOneTurn(() => table.passivate("a"))).toEqual(["passivated a"]);
  expect(table.size).toBe(0);
});

test("so many wait and no more, also of several entities", () => {
  const seen = inOneTurn(() => {
    for (const id of ["a", "b"]) {
      table.deliver(home, id, 1);
      table.passivate(id);
      for (const number of [2, 3]) table.deliver(home, id, number);
    }
  });
  expect(seen.filter((line) => line.startsWith("refused"))).toEqual(["refused 3"]);
  const again = inOneTurn(() => {
    table.passivate("a");
    for (const number of [4, 5, 6]) table.deliver(home, "a", number);
  });
  expect(again).toEqual(["begin a", "a 4", "a 5", "a 6"]);
});

test("what waited for an entity of a shard that is gone is handed back, and nothing begins", () => {
  inOneTurn(() => table.deliver(home, "a", 1));
  const seen = inOneTurn(() => {
    table.passivate("a");
    table.deliver(home, "a", 2);
    home.phase = "gone";
    table.end(home);
  });
  expect(seen).toEqual(["homeless a 2"]);
  expect(table.size).toBe(0);
});
