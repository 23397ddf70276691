/** The dispatcher's contract, and that busy actors leave room for the rest of the process. */
import { expect, test } from "vitest";
import { createNodeDispatcher } from "../../../runtime/node/index.ts";
import type { Dispatcher, Turn } from "../../../runtime/index.ts";

/** Schedules itself again at each turn, until it is stopped. */
function endless(dispatcher: Dispatcher, onTurn: () => void): { stop(): void } {
  let stopped = false;
  const turn: Turn = {
    run: () => {
      onTurn();
      if (!stopped) dispatcher.schedule(turn);
    },
  };
  dispatcher.schedule(turn);
  return { stop: () => void (stopped = true) };
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("schedule() runs turns later and in order, also those that turns schedule", async () => {
  const dispatcher = createNodeDispatcher();
  const ran: string[] = [];
  dispatcher.schedule({
    run: () => {
      ran.push("a");
      dispatcher.schedule({ run: () => ran.push("c") });
      expect(ran).toEqual(["a"]);
    },
  });
  dispatcher.schedule({ run: () => ran.push("b") });
  expect(ran).toEqual([]);
  await macrotask();
  expect(ran).toEqual(["a", "b", "c"]);
});

test("schedule() gives busy actors their turns one by one", async () => {
  const dispatcher = createNodeDispatcher();
  const turns = [0, 0, 0];
  const spread: number[] = [];
  const actors = turns.map((_, actor) =>
    endless(dispatcher, () => {
      turns[actor] = (turns[actor] ?? 0) + 1;
      spread.push(Math.max(...turns) - Math.min(...turns));
    }),
  );
  await macrotask();
  await macrotask();
  for (const actor of actors) actor.stop();
  expect(spread.length).toBeGreaterThan(100);
  expect(Math.max(...spread)).toBe(1);
});

test("schedule() lets timers and sockets in while actors are busy without end", async () => {
  const dispatcher = createNodeDispatcher();
  let turns = 0;
  const busy = endless(dispatcher, () => {
    turns += 1;
  });
  await new Promise<void>((resolve) => {
    setTimeout(resolve, 5);
  });
  const before = turns;
  await macrotask();
  await macrotask();
  expect(turns).toBeGreaterThan(before);
  busy.stop();
});

test("schedule() wakes up again after all was done", async () => {
  const dispatcher = createNodeDispatcher();
  const ran: string[] = [];
  for (const name of ["first", "second"]) {
    dispatcher.schedule({ run: () => ran.push(name) });
    await macrotask();
  }
  expect(ran).toEqual(["first", "second"]);
});

test("schedule() gives every waiting turn after one that throws", async () => {
  const dispatcher = createNodeDispatcher();
  const ran: string[] = [];
  const failed = new Promise<unknown>((resolve) => {
    process.setUncaughtExceptionCaptureCallback(resolve);
  });
  dispatcher.schedule({
    run: () => {
      throw new Error("a listener failed");
    },
  });
  dispatcher.schedule({ run: () => ran.push("after") });
  expect(await failed).toBeInstanceOf(Error);
  process.setUncaughtExceptionCaptureCallback(null);
  await macrotask();
  expect(ran).toEqual(["after"]);
});

test("schedule() keeps the order of more turns than it has room for at first", async () => {
  const dispatcher = createNodeDispatcher();
  const ran: number[] = [];
  for (let i = 0; i < 700; i++) dispatcher.schedule({ run: () => ran.push(i) });
  dispatcher.schedule({
    run: () => {
      for (let i = 701; i < 5000; i++) dispatcher.schedule({ run: () => ran.push(i) });
      ran.push(700);
    },
  });
  while (ran.length < 5000) await macrotask();
  expect(ran).toEqual(Array.from({ length: 5000 }, (_, i) => i));
});
