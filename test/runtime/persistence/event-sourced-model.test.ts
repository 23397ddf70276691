/** Any commands, crashes, snapshots and adapters: what was answered is in the journal, and a recovered state is what its events add up to. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ActorSystem,
  effectToken,
  eventSourced,
  jsonCodec,
  stateless,
  type Behavior,
  type EventAdapter,
  type NewEvent,
  type Ref,
} from "../../../runtime/index.ts";
import { createManualWorld } from "../../../runtime/testkit/index.ts";
import { GatedJournal } from "./gated-journal.ts";

interface Ledger {
  readonly count: number;
  readonly sum: number;
  /** The token of the last event. */
  readonly token: string;
}

interface Book {
  readonly amounts: readonly number[];
  readonly replyTo: Ref<Ledger>;
}

interface Booked {
  readonly type: "booked";
  readonly amount: number;
}

type Step =
  | { readonly do: "book"; readonly amounts: readonly number[] }
  | { readonly do: "answer"; readonly count: number }
  | { readonly do: "settle" }
  | { readonly do: "crash" }
  | { readonly do: "restart"; readonly snapshotEvery: number | null };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant("book" as const),
        amounts: fc.array(fc.integer({ min: -8, max: 9 }), { maxLength: 4 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("answer" as const), count: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 3, arbitrary: fc.constant({ do: "settle" as const }) },
    { weight: 1, arbitrary: fc.constant({ do: "crash" as const }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("restart" as const),
        snapshotEvery: fc.option(fc.integer({ min: 1, max: 5 })),
      }),
    },
  ),
  { maxLength: 80, size: "max" },
);

function ledger(snapshotEvery: number | null, deleteOldEvents: boolean): Behavior<unknown, Book> {
  return eventSourced<Ledger, Book, Booked>({
    name: "ledger",
    streamId: "ledger",
    empty: { count: 0, sum: 0, token: "" },
    decide: (_, { amounts, replyTo }, ctx) => {
      if (amounts.includes(-9)) throw new Error("crash");
      return ctx.persist(amounts.map((amount) => ({ type: "booked", amount }))).thenReply(replyTo, (state) => state);
    },
    evolve: ({ count, sum }, { amount }, { token }) => ({ count: count + 1, sum: sum + amount, token }),
    deleteOldEvents,
    ...(snapshotEvery !== null && { snapshotEvery }),
  });
}

/** Carries the steps out; gives what was answered, what the next process recovers, and every event that was kept. */
function run(
  all: readonly Step[],
  deleteOldEvents: boolean,
): { readonly answers: readonly Ledger[]; readonly last: Ledger; readonly kept: readonly NewEvent[] } {
  const world = createManualWorld();
  const gated = new GatedJournal((later) => world.dispatcher.schedule({ run: later }));
  const answers: Ledger[] = [];
  let lives = 0;
  let snapshotEvery: number | null = null;
  let { system, ref, sink } = start();

  function start(): { system: ActorSystem; ref: Ref<Book>; sink: Ref<Ledger> } {
    const started = ActorSystem.create({ node: `life-${++lives}`, world: { ...world, journal: gated.journal } });
    return {
      system: started,
      sink: started.spawn(stateless<Ledger>("sink", (answer) => void answers.push(answer))),
      ref: started.spawn(ledger(snapshotEvery, deleteOldEvents), {
        supervision: { onCrash: "restart", intensity: { restartsMax: 1e6, windowMs: 1 } },
      }),
    };
  }

  function carryOut(step: Step): void {
    switch (step.do) {
      case "book":
        system.tell(ref, { amounts: step.amounts, replyTo: sink });
        world.settle();
        return;
      case "answer":
        gated.answer(step.count);
        world.settle();
        return;
      case "settle":
        gated.isGated = false;
        gated.answer();
        world.advance(20_000);
        gated.isGated = true;
        return;
      case "crash":
        system.tell(ref, { amounts: [-9], replyTo: sink });
        world.settle();
        return;
      case "restart":
        system.stop();
        ({ snapshotEvery } = step);
        ({ system, ref, sink } = start());
        world.settle();
        return;
      default:
        step satisfies never;
    }
  }

  carryOut({ do: "settle" });
  for (const step of all) carryOut(step);
  carryOut({ do: "restart", snapshotEvery: null });
  carryOut({ do: "book", amounts: [] });
  carryOut({ do: "settle" });
  system.stop();
  const last = answers.pop() as Ledger;
  return { answers, last, kept: gated.kept };
}

for (const deleteOldEvents of [false, true]) {
  const kept = deleteOldEvents ? "deleted behind snapshots" : "kept";
  test(`every answer, and what the next process recovers, is what the durable events add up to, which are ${kept}`, () => {
    let answered = 0;
    fc.assert(
      fc.property(steps, (all) => {
        const { answers, last, kept: events } = run(all, deleteOldEvents);
        const states: Ledger[] = [{ count: 0, sum: 0, token: "" }];
        for (const [at, { payload }] of events.entries()) {
          const { amount } = jsonCodec.decode(payload) as Booked;
          const sum = (states[at]?.sum ?? 0) + amount;
          states.push({ count: at + 1, sum, token: effectToken("ledger", at + 1) });
        }
        for (const answer of answers) expect(answer).toEqual(states[answer.count]);
        const counts = answers.map(({ count }) => count);
        expect(counts).toEqual(counts.toSorted((a, b) => a - b));
        expect(last).toEqual(states.at(-1));
        answered += answers.length;
      }),
      { numRuns: 100 },
    );
    expect(answered).toBeGreaterThan(500);
  });
}

test("events of any earlier version are adapted, split and dropped on their way in", () => {
  const adapters: readonly EventAdapter[] = [
    {
      manifest: "booked",
      version: 1,
      adapt: (data) => [
        { manifest: "booked", version: 2, data: { type: "booked", cents: (data as Booked).amount * 100 } },
      ],
    },
    // Version 2 counted cents; a sum of two bookings came in as one event.
    {
      manifest: "booked",
      version: 2,
      adapt: (data) => {
        const { cents } = data as { readonly cents: number };
        return [-1, 1].map((sign) => ({
          manifest: "booked",
          version: 3,
          data: { type: "booked", amount: cents / 200, sign },
        }));
      },
    },
    { manifest: "noise", version: 1, adapt: () => [] },
    { manifest: "old-name", version: 7, adapt: (data) => [{ manifest: "booked", version: 3, data }] },
  ];
  const recovered = recover(adapters, [
    { manifest: "booked", version: 1, data: { type: "booked", amount: 4 } },
    { manifest: "noise", version: 1, data: null },
    { manifest: "booked", version: 2, data: { type: "booked", cents: 200 } },
    { manifest: "old-name", version: 7, data: { type: "booked", amount: 5 } },
    { manifest: "booked", version: 3, data: { type: "booked", amount: 6 } },
  ]);
  expect(recovered).toEqual([2, 2, 1, 1, 5, 6]);
});

test("an event of a version that no adapter takes stops the recovery by its name, also one of a later program", () => {
  const known = (version: number): string =>
    `event 1 ("booked"): it is "booked" of version ${version}; this program knows version 3 and has no adapter for that`;
  for (const version of [1, 4]) {
    expect(recover([], [{ manifest: "booked", version, data: {} }])).toBe(
      `Cannot recover "list" from stream "list": ${known(version)}`,
    );
  }
  const circle: readonly EventAdapter[] = [
    { manifest: "booked", version: 1, adapt: (data) => [{ manifest: "booked", version: 2, data }] },
    { manifest: "booked", version: 2, adapt: (data) => [{ manifest: "booked", version: 1, data }] },
  ];
  expect(recover(circle, [{ manifest: "booked", version: 1, data: {} }])).toMatch("of each other without end");
  const twice = [circle[0] as EventAdapter, circle[0] as EventAdapter];
  expect(() => recover(twice, [])).toThrow('Two adapters take events "booked" of version 1');
});

/** The amounts that an actor with these adapters sees in these events, or why it crashes. */
function recover(
  adapters: readonly EventAdapter[],
  kept: readonly { readonly manifest: string; readonly version: number; readonly data: unknown }[],
): unknown {
  const world = createManualWorld();
  const { journal } = new GatedJournal((later) => world.dispatcher.schedule({ run: later }));
  journal.open("list", (head) => {
    if (!head.ok || kept.length === 0) return;
    const events = kept.map(({ manifest, version, data }) => ({
      manifest,
      version,
      wallMs: 0,
      tags: [],
      payload: jsonCodec.encode(data),
    }));
    journal.append({ stream: "list", epoch: head.value.epoch, after: 0, events }, () => {});
  });
  world.settle();
  let seen: unknown;
  const behavior = eventSourced<readonly number[], "show", Booked>({
    name: "list",
    streamId: "list",
    empty: [],
    decide: (_, __, ctx) => ctx.none().thenRun((state) => (seen = state)),
    evolve: (state, { amount }) => [...state, amount],
    versions: { booked: 3 },
    adapters,
  });
  const system = ActorSystem.create({
    node: "list",
    world: { ...world, journal },
    onCrash: ({ error }) => (seen = (error as Error).message),
  });
  system.tell(system.spawn(behavior), "show");
  world.settle();
  system.stop();
  return seen;
}
