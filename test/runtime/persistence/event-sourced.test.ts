/** Event-sourced actors: recovery, durability before effects, batches, crashes, fencing. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ActorSystem,
  effectToken,
  eventSourced,
  PersistenceError,
  stateless,
  type Context,
  type CrashReport,
  type InspectionEvent,
  type PersistenceSignal,
  type Ref,
  type Signal,
  type SpawnOptions,
} from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";
import { readAll, texts } from "../../contract/journal-calls.ts";
import { account, type AccountCommand } from "./account.ts";
import { GatedJournal } from "./gated-journal.ts";

let world: ManualWorld;
let gated: GatedJournal;
let system: ActorSystem;
let crashes: CrashReport[];
let events: InspectionEvent[];
let answers: unknown[];
let sink: Ref<unknown>;

beforeEach(() => {
  world = createManualWorld();
  gated = new GatedJournal((run) => world.dispatcher.schedule({ run }));
  start();
});
afterEach(() => system.stop());

function start(): void {
  crashes = [];
  events = [];
  answers = [];
  system = ActorSystem.create({
    node: "n1",
    world: { ...world, journal: gated.journal },
    onCrash: (crash) => crashes.push(crash),
  });
  system.inspection.subscribe((event) => events.push(event));
  sink = system.spawn(stateless<unknown>("sink", (message) => void answers.push(message)));
}

/** Another process on the same journal. */
function restart(): void {
  system.stop();
  start();
}

function spawn(more: Parameters<typeof account>[1] = {}, options: SpawnOptions = {}): Ref<AccountCommand> {
  return system.spawn(account("a", more), options);
}

function tell(ref: Ref<AccountCommand>, ...commands: readonly AccountCommand[]): void {
  for (const command of commands) system.tell(ref, command);
}

const deposit = (amount: number): AccountCommand => ({ type: "deposit", amount, replyTo: sink });
const balance = (): AccountCommand => ({ type: "balance", replyTo: sink });

function deadLetters(): readonly string[] {
  return events.flatMap((event) =>
    event.type === "dead-letter" ? [`${event.letter.reason} ${(event.letter.message as { type: string }).type}`] : [],
  );
}

function stopped(name: string): boolean {
  return events.some((event) => event.type === "stopped" && event.ref.path === name);
}

describe("recovery", () => {
  test("a new actor begins empty, one that is started again begins where it was", () => {
    tell(spawn(), deposit(5), deposit(7), { type: "withdraw", amount: 20, replyTo: sink }, balance());
    world.settle();
    expect(answers).toEqual([5, 12, "too-little", 12]);
    restart();
    tell(spawn(), balance(), deposit(1));
    world.settle();
    expect(answers).toEqual([12, 13]);
  });

  test("commands that come meanwhile wait, in order and under the mailbox's policy, and nothing is decided before", () => {
    gated.isGated = true;
    const ref = spawn({}, { mailbox: { capacity: 3 } });
    tell(ref, deposit(1), deposit(2), balance(), deposit(9));
    world.settle();
    expect(answers).toEqual([]);
    expect(deadLetters()).toEqual(["mailbox-full deposit"]);
    gated.isGated = false;
    gated.answer();
    world.settle();
    expect(answers).toEqual([1, 3, 3]);
  });

  test("begins at the youngest snapshot and reads the events behind it only", () => {
    const ref = spawn({ snapshotEvery: 3 });
    tell(ref, ...Array.from({ length: 8 }, (_, at) => deposit(at)));
    world.settle();
    restart();
    const signals: (Signal | PersistenceSignal)[] = [];
    const again = spawn({ onSignal: (_, signal) => void signals.push(signal) });
    tell(again, balance());
    world.settle();
    expect(answers).toEqual([28]);
    expect(signals).toEqual([{ type: "recovered", sequence: 8, events: 2, skippedSnapshots: [] }]);
  });

  test("a snapshot of another version is adapted, or skipped for the events", () => {
    tell(spawn({ snapshotEvery: 2 }), deposit(1), deposit(2), deposit(3));
    world.settle();
    restart();
    const skipped: unknown[] = [];
    const onSignal = (_: unknown, signal: Signal | PersistenceSignal): undefined => void skipped.push(signal);
    tell(spawn({ stateVersion: 2, onSignal }), balance());
    world.settle();
    expect(answers).toEqual([6]);
    expect(skipped).toMatchObject([{ events: 3, skippedSnapshots: ["snapshot 2: it is of version 1, wanted 2"] }]);
    restart();
    const adaptState = (data: unknown, version: number): { balance: number; bookings: number } => {
      expect({ data, version }).toEqual({ data: { balance: 3, bookings: 2 }, version: 1 });
      return { balance: 1003, bookings: 2 };
    };
    tell(spawn({ stateVersion: 2, adaptState }), balance());
    world.settle();
    expect(answers).toEqual([1006]);
  });

  test("the next older snapshot is taken where the youngest cannot be read, and the next one is due as if nothing had happened", () => {
    tell(spawn({ snapshotEvery: 1 }), deposit(1), deposit(2), deposit(3));
    world.settle();
    restart();
    gated.calls.length = 0;
    const signals: unknown[] = [];
    const adaptState = (data: unknown): { readonly balance: number; readonly bookings: number } | undefined => {
      const state = data as { readonly balance: number; readonly bookings: number };
      return state.bookings === 3 ? undefined : state;
    };
    const onSignal = (_: unknown, signal: Signal | PersistenceSignal): undefined => void signals.push(signal);
    const ref = spawn({ stateVersion: 2, adaptState, snapshotEvery: 3, onSignal });
    tell(ref, deposit(4));
    world.settle();
    expect(answers).toEqual([10]);
    expect(signals).toMatchObject([{ type: "recovered", sequence: 3, events: 1 }]);
    expect(gated.calls).not.toContain("save-snapshot");
    tell(ref, deposit(5));
    world.settle();
    expect(gated.calls).toContain("save-snapshot");
  });

  test("with deleteOldEvents, events before the oldest kept snapshot go; a snapshot that cannot be read is then fatal by name", async () => {
    tell(
      spawn({ snapshotEvery: 2, keepSnapshots: 2, deleteOldEvents: true }),
      ...Array.from({ length: 7 }, () => deposit(1)),
    );
    world.settle();
    const settled = readAll(gated.journal, "a", 5);
    world.settle();
    expect((await settled).map(({ sequence }) => sequence)).toEqual([5, 6, 7]);
    restart();
    tell(spawn(), balance());
    world.settle();
    expect(answers).toEqual([7]);
    restart();
    spawn({ stateVersion: 2 });
    world.settle();
    expect(crashes[0]?.error).toMatchObject({
      code: "recovery-failed",
      message:
        'Cannot recover "account" from stream "a": its events before 5 were deleted, and ' +
        "snapshot 6: it is of version 1, wanted 2; snapshot 4: it is of version 1, wanted 2",
    });
  });

  test("a stream of many pages is recovered whole", () => {
    tell(spawn(), ...Array.from({ length: 2500 }, () => deposit(1)));
    world.settle();
    restart();
    tell(spawn(), balance());
    world.settle();
    expect(answers).toEqual([2500]);
    expect(gated.calls.filter((call) => call === "read")).toHaveLength(3);
  });

  test("an event that evolve refuses is a crash by its number; resume does not go on without it", () => {
    tell(spawn(), deposit(1), deposit(2));
    world.settle();
    restart();
    const evolve = (): never => {
      throw new Error("who knows");
    };
    const ref = spawn({ evolve }, { supervision: { onCrash: "resume" } });
    tell(ref, balance());
    world.settle();
    const message = 'Cannot recover "account" from stream "a": event 1 ("deposited"): who knows';
    expect(crashes.map(({ error }) => (error as Error).message)).toEqual([message, message]);
    expect(crashes[0]?.error).toBeInstanceOf(PersistenceError);
    expect(answers).toEqual([]);
  });

  test("signals of an actor that could not recover are decided on nothing", () => {
    tell(spawn(), deposit(5));
    world.settle();
    restart();
    const seen: unknown[] = [];
    const gone = system.spawn(stateless<null>("gone", () => {}));
    const behavior = account("a", {
      evolve: () => {
        throw new Error("who knows");
      },
      onSignal: (state, signal, ctx) => {
        seen.push([signal.type, state]);
        return ctx.reply(sink, 1);
      },
    });
    const init = (ctx: Context<AccountCommand>): unknown => {
      ctx.watch(gone);
      return behavior.init(ctx);
    };
    const ref = system.spawn({ ...behavior, init }, { supervision: { onCrash: "resume" } });
    world.settle();
    system.stopActor(gone);
    world.settle();
    system.stopActor(ref);
    world.settle();
    expect(crashes).toHaveLength(1);
    expect(seen).toEqual([]);
    expect(answers).toEqual([]);
  });

  test("a journal that fails is a crash; a restart recovers when it works again", () => {
    gated.fail("store-io");
    const backoff = { minMs: 100, maxMs: 100, jitter: 0 };
    const ref = spawn(
      {},
      { supervision: { onCrash: "restart", intensity: { restartsMax: 9, windowMs: 60_000 }, backoff } },
    );
    tell(ref, deposit(4));
    world.settle();
    expect(crashes.at(-1)?.error).toMatchObject({ code: "recovery-failed", cause: { code: "store-io" } });
    gated.fail(null);
    world.advance(1000);
    expect(answers).toEqual([4]);
  });

  test("signals that come meanwhile wait until it has recovered", () => {
    gated.isGated = true;
    const seen: string[] = [];
    const gone = system.spawn(stateless<null>("gone", () => {}));
    const onSignal = (state: { readonly balance: number }, signal: Signal | PersistenceSignal): undefined =>
      void seen.push(`${signal.type} ${state.balance}`);
    const behavior = account("a", { onSignal });
    system.spawn({
      ...behavior,
      init: (ctx: Context<AccountCommand>) => {
        ctx.watch(gone);
        return behavior.init(ctx);
      },
    });
    system.stopActor(gone);
    world.settle();
    expect(seen).toEqual([]);
    gated.isGated = false;
    gated.answer();
    world.settle();
    expect(seen).toEqual(["recovered 0", "terminated 0"]);
  });

  test("without a journal the actor crashes and says how to give it one", () => {
    const bare = ActorSystem.create({ node: "bare", world, onCrash: (crash) => crashes.push(crash) });
    bare.spawn(account("a"));
    expect(crashes[0]?.error).toMatchObject({
      code: "no-journal",
      message: expect.stringContaining("Give one to the world"),
    });
    bare.stop();
  });
});

describe("durability", () => {
  test("nothing is answered before it is durable, nor what was read of it", () => {
    const ref = spawn();
    world.settle();
    gated.isGated = true;
    tell(ref, deposit(5), balance());
    world.settle();
    expect(answers).toEqual([]);
    gated.answer();
    world.settle();
    expect(answers).toEqual([5, 5]);
  });

  test("a read of what is durable is answered at once, also with a later command's write under way behind it", () => {
    const ref = spawn();
    world.settle();
    gated.isGated = true;
    tell(ref, balance(), deposit(5));
    world.settle();
    expect(answers).toEqual([0]);
  });

  test("commands that come while a write is under way go together into the next one", () => {
    const ref = spawn();
    world.settle();
    gated.calls.length = 0;
    gated.isGated = true;
    tell(ref, deposit(1), ...Array.from({ length: 50 }, () => deposit(1)), {
      type: "split",
      amounts: [1, 2],
      replyTo: sink,
    });
    world.settle();
    expect(gated.calls).toEqual(["append 1"]);
    gated.answer();
    world.settle();
    expect(gated.calls).toEqual(["append 1", "append 52"]);
    expect(answers).toEqual([1]);
    gated.answer();
    world.settle();
    expect(answers).toEqual([...Array.from({ length: 51 }, (_, at) => at + 1), 54]);
  });

  test("so many commands and no more are decided ahead of the disk", () => {
    const decided: number[] = [];
    const ref = spawn({
      evolve: (state, event) => {
        decided.push(event.amount);
        return state;
      },
    });
    world.settle();
    gated.isGated = true;
    tell(ref, ...Array.from({ length: 5000 }, (_, at) => deposit(at)));
    world.settle();
    expect(decided).toHaveLength(1001);
    for (let round = 0; round < 10; round++) {
      gated.answer();
      world.settle();
    }
    expect(decided).toEqual(Array.from({ length: 5000 }, (_, at) => at));
    expect(answers).toHaveLength(5000);
  });

  test("the events of one decision are kept together, also beside others", async () => {
    const ref = spawn();
    world.settle();
    gated.isGated = true;
    const amounts = Array.from({ length: 700 }, () => 1);
    for (let at = 0; at < 3; at++) tell(ref, { type: "split", amounts });
    world.settle();
    gated.answer();
    world.settle();
    expect(gated.calls.slice(-2)).toEqual(["append 700", "append 700"]);
  });

  test("a write that fails is a crash; no later command is decided on the unsure state, whatever supervision says", () => {
    for (const onCrash of ["stop", "resume", "restart"] as const) {
      restart();
      const ref = system.spawn(account(onCrash), { supervision: { onCrash } });
      tell(ref, deposit(5));
      world.settle();
      gated.fail("store-io");
      tell(ref, deposit(100), balance());
      world.settle();
      gated.fail(null);
      tell(ref, balance());
      world.advance(1000);
      expect(crashes[0]?.error).toMatchObject({
        code: "persist-failed",
        message: 'Cannot keep events of "account": it failed with store-io',
        cause: { code: "store-io" },
      });
      // Only a restart answers again, from what is durable.
      expect(answers, onCrash).toEqual(onCrash === "restart" ? [5, 5] : [5]);
    }
  });

  test("after a crash the next life has every event that was answered, and maybe one that was not", () => {
    const ref = spawn({}, { supervision: { onCrash: "restart" } });
    tell(ref, deposit(1));
    world.settle();
    gated.isGated = true;
    tell(ref, deposit(2), { type: "bad", what: "throw" });
    world.settle();
    gated.isGated = false;
    gated.answer();
    tell(ref, balance());
    world.settle();
    expect(answers).toEqual([1, 3]);
  });

  test("a graceful stop waits for what is being written and what is owed for it", () => {
    const parent = system.spawn(
      {
        name: "parent",
        init: (ctx) => ctx.spawn(account("a"), { name: "child" }),
        receive: (child, message: "stop" | AccountCommand, ctx) => {
          if (message === "stop") ctx.stop(child, { deadlineMs: 1000 });
          else ctx.tell(child, message);
          return child;
        },
      },
      { name: "parent" },
    );
    world.settle();
    gated.isGated = true;
    system.tell(parent, deposit(5));
    system.tell(parent, deposit(6));
    system.tell(parent, "stop");
    system.tell(parent, deposit(7));
    world.settle();
    expect(stopped("parent/child")).toBe(false);
    gated.isGated = false;
    gated.answer();
    world.settle();
    expect(answers).toEqual([5, 11]);
    expect(stopped("parent/child")).toBe(true);
    expect(deadLetters()).toEqual(["stopped deposit"]);
  });
});

describe("decisions", () => {
  test("thenStop() stops behind its events and steps; what waits becomes dead letters", () => {
    const ref = spawn();
    tell(ref, deposit(5), { type: "close", replyTo: sink }, deposit(9));
    world.settle();
    expect(answers).toEqual([5, 0]);
    expect(deadLetters()).toEqual(["stopped deposit"]);
    restart();
    tell(spawn(), balance());
    world.settle();
    expect(answers).toEqual([0]);
  });

  test("unhandled() makes a dead letter and changes nothing", () => {
    tell(spawn(), { type: "bad", what: "unknown" }, balance());
    world.settle();
    expect(answers).toEqual([0]);
    expect(deadLetters()).toEqual(["unhandled bad"]);
    expect(crashes).toEqual([]);
  });

  test("stash() puts a command away, thenUnstashAll() brings it back ahead of what waits", () => {
    type Door = { readonly type: "enter"; readonly who: string } | { readonly type: "unlock" };
    const door = eventSourced<
      readonly string[],
      Door,
      { readonly type: "unlocked" | "entered"; readonly who?: string }
    >({
      name: "door",
      streamId: "door",
      empty: ["locked"],
      decide: (state, command, ctx) => {
        if (command.type === "unlock") return ctx.persist({ type: "unlocked" }).thenUnstashAll();
        if (state[0] === "locked") return ctx.stash();
        return ctx.persist({ type: "entered", who: command.who }).thenReply(sink, (now) => now);
      },
      evolve: (state, event) => (event.type === "unlocked" ? [] : [...state, event.who ?? ""]),
    });
    const ref = system.spawn(door);
    for (const message of [{ type: "enter", who: "a" }, { type: "enter", who: "b" }, { type: "unlock" }] as const) {
      system.tell(ref, message);
    }
    system.tell(ref, { type: "enter", who: "c" });
    world.settle();
    expect(answers).toEqual([["a"], ["a", "b"], ["a", "b", "c"]]);
  });

  test("a command whose events cannot be kept is refused by name, and nothing has changed", () => {
    const ref = spawn({}, { supervision: { onCrash: "resume" } });
    tell(
      ref,
      deposit(5),
      { type: "bad", what: "unkeepable" },
      { type: "bad", what: "too-large" },
      { type: "bad", what: "throw" },
    );
    tell(ref, { type: "bad", what: "promise" }, deposit(1));
    world.settle();
    expect(crashes.map(({ error }) => (error as Error).message)).toEqual([
      'Cannot keep an event of "account": Cannot keep "amount" as JSON: it is NaN. Make plain data of it, or give the actor a codec that knows it',
      'Cannot keep an event of "account": 10001 events at once, at most 10000',
      "decide threw",
      '"account" came to no decision about a command; return ctx.none() where nothing follows',
    ]);
    expect(answers).toEqual([5, 6]);
    restart();
    tell(spawn(), balance());
    world.settle();
    expect(answers).toEqual([6]);
  });

  test("a step that throws is a crash, and takes no other decision's steps with it", () => {
    const ref = spawn({
      decide: (_, command, ctx) =>
        ctx.persist({ type: "deposited", amount: 1 }).thenRun((state, inner) => {
          if (command.type === "close") throw new Error("step threw");
          inner.tell(sink, state.balance);
        }),
    });
    world.settle();
    gated.isGated = true;
    tell(ref, deposit(1), { type: "close" }, deposit(1), deposit(1));
    world.settle();
    gated.answer();
    world.settle();
    gated.answer();
    world.settle();
    expect(answers).toEqual([1, 3, 4]);
    expect(crashes.map(({ error }) => (error as Error).message)).toEqual(["step threw"]);
  });

  test("what must happen is begun again after a crash, under the same token", () => {
    type Command = { readonly type: "order" } | { readonly type: "paid"; readonly token: string };
    type Event = { readonly type: "ordered" } | { readonly type: "paid"; readonly token: string };
    const paid: string[] = [];
    const shop = eventSourced<readonly string[], Command, Event>({
      name: "shop",
      streamId: "shop",
      empty: [],
      decide: (_, command, ctx) =>
        command.type === "order"
          ? ctx.persist({ type: "ordered" }).thenRun((_state, _ctx, token) => void paid.push(token))
          : ctx.persist({ type: "paid", token: command.token }),
      evolve: (open, event, place) =>
        event.type === "ordered" ? [...open, place.token] : open.filter((token) => token !== event.token),
      onSignal: (open, signal, ctx) =>
        signal.type === "recovered" ? ctx.none().thenRun(() => void paid.push(...open)) : undefined,
    });
    const ref = system.spawn(shop);
    system.tell(ref, { type: "order" });
    system.tell(ref, { type: "order" });
    system.tell(ref, { type: "paid", token: effectToken("shop", 1) });
    world.settle();
    expect(paid).toEqual(["shop/1", "shop/2"]);
    restart();
    system.spawn(shop);
    world.settle();
    expect(paid).toEqual(["shop/1", "shop/2", "shop/2"]);
  });

  test("post-stop sees the durable state only, and may not keep events", () => {
    const seen: number[] = [];
    const ref = spawn({
      onSignal: (state, signal, ctx) => {
        if (signal.type === "recovered") return undefined;
        seen.push(state.balance);
        return ctx.persist({ type: "deposited", amount: 1 });
      },
    });
    tell(ref, deposit(5));
    world.settle();
    gated.isGated = true;
    tell(ref, deposit(7));
    world.settle();
    system.stopActor(ref);
    expect(seen).toEqual([5]);
    expect(crashes[0]?.error).toMatchObject({
      code: "persist-rejected",
      message: expect.stringContaining('decided on "post-stop", when nothing can be kept any more'),
    });
  });
});

describe("two writers", () => {
  test("the older one stops with the signal fenced at its next write, and answers nothing for it", () => {
    const signals: unknown[] = [];
    const onSignal = (_: unknown, signal: Signal | PersistenceSignal): undefined =>
      void signals.push(signal.type === "fenced" ? signal.error.message : signal.type);
    const old = spawn({ onSignal }, { name: "old", supervision: { onCrash: "restart" } });
    tell(old, deposit(1));
    world.settle();
    const young = spawn({}, { name: "young" });
    world.settle();
    tell(old, deposit(100));
    world.settle();
    expect(signals).toEqual([
      "recovered",
      'Cannot append 1 event to stream "a" of journal "gated": epoch 3 has it, this writer is of epoch 2',
      "post-stop",
    ]);
    expect(stopped("old")).toBe(true);
    expect(crashes).toEqual([]);
    tell(young, deposit(2));
    world.settle();
    expect(answers).toEqual([1, 3]);
  });

  test("a snapshot finds out too", () => {
    const old = spawn({ snapshotEvery: 1 }, { name: "old" });
    world.settle();
    gated.isGated = true;
    tell(old, deposit(1));
    world.settle();
    spawn({}, { name: "young" });
    gated.isGated = false;
    gated.answer();
    world.settle();
    expect(answers).toEqual([1]);
    expect(stopped("old")).toBe(true);
  });

  test("a stream that is deleted under its writer stops it", () => {
    const ref = spawn({}, { name: "old" });
    tell(ref, deposit(1));
    world.settle();
    gated.journal.deleteStream("a", () => {});
    tell(ref, deposit(1));
    world.settle();
    expect(stopped("old")).toBe(true);
    expect(answers).toEqual([1]);
  });
});

test("a snapshot that cannot be kept is a signal, and no reason to stop", () => {
  const failed: unknown[] = [];
  const ref = spawn({
    snapshotEvery: 1,
    codec: {
      encode: (value) => {
        if ("balance" in (value as object)) throw new Error("no state, please");
        return Uint8Array.of(1);
      },
      decode: () => ({ type: "deposited", amount: 1 }),
    },
    onSignal: (_, signal) => void (signal.type === "snapshot-failed" ? failed.push(String(signal.error)) : null),
  });
  tell(ref, deposit(1), deposit(1));
  world.settle();
  expect(answers).toEqual([1, 2]);
  expect(failed).toEqual(["Error: no state, please", "Error: no state, please"]);
});

test("events carry their manifest, version, tags and wall time into the journal", async () => {
  const ref = spawn({ versions: { deposited: 4 }, tags: (event) => [`amount-${event.amount}`] });
  tell(ref, deposit(5));
  world.settle();
  const read = readAll(gated.journal, "a");
  world.settle();
  expect(await read).toMatchObject([
    { sequence: 1, manifest: "deposited", version: 4, tags: ["amount-5"], wallMs: world.clock.wallMs() },
  ]);
  const names = texts(gated.journal, "none");
  world.settle();
  expect(await names).toEqual([]);
});

test("eventSourced() refuses numbers that cannot be", () => {
  expect(() => account("a", { snapshotEvery: 0 })).toThrow(RangeError);
  expect(() => account("a", { keepSnapshots: 1.5 })).toThrow("keepSnapshots is 1.5, wanted 1 or more");
});

test("eventSourced() refuses a stream without a name, and to be without decide or evolve", () => {
  expect(() => account("")).toThrow('eventSourced "account": streamId is no name of a stream, since its name is empty');
  expect(() => account("x".repeat(513))).toThrow(RangeError);
  expect(() => account(undefined as unknown as string)).toThrow("streamId is of type undefined");
  expect(() => account("a", { evolve: undefined as never })).toThrow('eventSourced "account": evolve is undefined');
  expect(() => account("a", { decide: 1 as never })).toThrow("decide is number, wanted a function");
});

describe("evolve that makes no state", () => {
  const forgets = (): undefined => {};

  test("crashes the actor before the event is kept", () => {
    const ref = spawn({ evolve: forgets as never }, { supervision: { onCrash: "resume" } });
    tell(ref, deposit(5), balance());
    world.settle();
    expect(crashes.map(({ error }) => (error as Error).message)).toEqual([
      'evolve of "account" made no state of event 1: return one for every event, the old one where nothing changes',
    ]);
    expect(answers).toEqual([0]);
    restart();
    tell(spawn(), balance());
    world.settle();
    expect(answers).toEqual([0]);
  });

  test("fails a recovery, whose message names the event", () => {
    tell(spawn(), deposit(5));
    world.settle();
    restart();
    spawn({ evolve: forgets as never });
    world.settle();
    const message: unknown = expect.stringContaining("made no state of event 1");
    expect(crashes[0]?.error).toMatchObject({ code: "recovery-failed", message });
  });

  test("may make undefined where the empty state is undefined too", () => {
    const none = eventSourced<undefined, null, { readonly type: "e" }>({
      name: "none",
      streamId: "none",
      empty: undefined,
      decide: (_, __, ctx) => ctx.persist({ type: "e" }).thenReply(sink, (state) => state),
      evolve: forgets,
    });
    system.tell(system.spawn(none), null);
    world.settle();
    expect(crashes).toEqual([]);
    expect(answers).toEqual([undefined]);
  });

  test("may not be async", () => {
    const evolve = (async (state: unknown) => state) as never;
    tell(spawn({ evolve }), deposit(5));
    world.settle();
    const message: unknown = expect.stringContaining("returned a promise from evolve");
    expect(crashes[0]?.error).toMatchObject({ code: "handler-returned-promise", message });
  });
});
