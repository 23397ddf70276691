/** A mailbox against a model that is an array: every policy, any order of telling and handling. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Deferred } from "../../runtime/deferred.ts";
import { Mailbox, type Overflow } from "../../runtime/mailbox.ts";
import type { Pressure } from "../../runtime/pressure.ts";
import { Ref, type AnyRef } from "../../runtime/index.ts";

class Own extends Deferred {
  readonly value: number;

  constructor(value: number) {
    super();
    this.value = value;
  }

  override take(): undefined {}
}

type Item = { readonly value: number; readonly isOwn: boolean; readonly sender: AnyRef | null };

type Command =
  | { readonly type: "tell"; readonly sender: number }
  | { readonly type: "own" }
  | { readonly type: "signal" }
  | { readonly type: "handle" };

const senders = [0, 1, 2].map((n): AnyRef => new Ref<never>({ node: "n1", path: `s${n}` }, { receive: () => {} }));

/** Which senders can be held back; the others lose what is over twice the capacity. */
const WAITS = [true, true, false];

/** What `Mailbox` promises, on an array. */
class Model {
  readonly waiting: Item[] = [];
  readonly signals: number[] = [];
  readonly dropped: number[] = [];
  held = new Set<AnyRef>();
  overloaded = false;
  highWater = 0;
  readonly #capacity: number;
  readonly #overflow: Overflow;

  constructor(capacity: number, overflow: Overflow) {
    this.#capacity = capacity;
    this.#overflow = overflow;
  }

  get counted(): number {
    return this.waiting.filter(({ isOwn }) => !isOwn).length;
  }

  push(item: Item): void {
    if (!item.isOwn && this.counted >= this.#capacity && !this.#overflows(item)) return;
    this.waiting.push(item);
    this.highWater = Math.max(this.highWater, this.waiting.length);
  }

  shift(): Item | undefined {
    const item = this.waiting.shift();
    if (item?.isOwn === false && this.overloaded && this.counted <= Math.floor(this.#capacity / 2)) {
      this.overloaded = false;
      this.held = new Set();
    }
    return item;
  }

  #overflows(item: Item): boolean {
    switch (this.#overflow) {
      case "drop-newest":
      case "fail-ask":
        this.dropped.push(item.value);
        return false;
      case "drop-oldest":
        this.dropped.push(
          ...this.waiting
            .splice(
              this.waiting.findIndex(({ isOwn }) => !isOwn),
              1,
            )
            .map(({ value }) => value),
        );
        return true;
      case "back-pressure": {
        this.overloaded = true;
        const waits = WAITS[senders.indexOf(item.sender as AnyRef)] === true;
        if (waits) this.held.add(item.sender as AnyRef);
        if (waits || this.counted < this.#capacity * 2) return true;
        this.dropped.push(item.value);
        return false;
      }
      default:
        return this.#overflow satisfies never;
    }
  }
}

/** The mailbox, and who it holds back. */
function createReal(
  capacity: number,
  overflow: Overflow,
): {
  readonly mailbox: Mailbox<number>;
  readonly dropped: number[];
  readonly held: Set<AnyRef>;
} {
  const dropped: number[] = [];
  const held = new Set<AnyRef>();
  const sources = senders.map((sender, at) => ({
    patience: WAITS[at] === true ? ("wait" as const) : ("ignore" as const),
    mute: () => {
      expect(held.has(sender)).toBe(false);
      held.add(sender);
    },
    unmute: () => {
      expect(held.delete(sender)).toBe(true);
    },
  }));
  const mailbox = new Mailbox<number>(
    { capacity, overflow },
    {
      dropped: (message) => void dropped.push(message as number),
      holdBack: (sender, pressure: Pressure) => {
        const source = sources[senders.indexOf(sender as AnyRef)];
        return source !== undefined && pressure.hold(source);
      },
    },
  );
  return { mailbox, dropped, held };
}

const commands = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant("tell" as const), sender: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.constant({ type: "own" as const }) },
    { weight: 1, arbitrary: fc.constant({ type: "signal" as const }) },
    { weight: 5, arbitrary: fc.constant({ type: "handle" as const }) },
  ),
  { maxLength: 120 },
);

function apply(command: Command, value: number, model: Model, mailbox: Mailbox<number>): void {
  switch (command.type) {
    case "tell": {
      const sender = senders[command.sender] as AnyRef;
      model.push({ value, isOwn: false, sender });
      mailbox.push(value, sender);
      return;
    }
    case "own":
      model.push({ value, isOwn: true, sender: null });
      mailbox.push(new Own(value), null);
      return;
    case "signal":
      model.signals.push(value);
      mailbox.pushSignal({ type: "pre-restart", error: value }, null);
      return;
    case "handle":
      if (mailbox.hasSignal)
        expect(mailbox.shiftSignal()).toEqual({ type: "pre-restart", error: model.signals.shift() });
      else if (mailbox.hasMessage) {
        const item = model.shift();
        const message = mailbox.shift();
        expect(message instanceof Own ? message.value : message).toBe(item?.value);
        expect(mailbox.sender).toBe(item?.sender);
      } else expect([model.waiting, model.signals]).toEqual([[], []]);
      return;
    default:
      command satisfies never;
  }
}

for (const overflow of ["drop-newest", "drop-oldest", "fail-ask", "back-pressure"] as const) {
  test(`a mailbox with "${overflow}" keeps order, senders, bounds and counts as its model does`, () => {
    fc.assert(
      fc.property(commands, fc.integer({ min: 1, max: 9 }), (list, capacity) => {
        const model = new Model(capacity, overflow);
        const { mailbox, dropped, held } = createReal(capacity, overflow);
        for (const [value, command] of list.entries()) {
          apply(command, value, model, mailbox);
          expect(mailbox.depth).toBe(model.waiting.length);
          expect(mailbox.hasSignal).toBe(model.signals.length > 0);
          expect(dropped).toEqual(model.dropped);
          expect(held).toEqual(model.held);
          expect(mailbox.pressure !== null).toBe(model.overloaded);
        }
        expect([mailbox.dropped, mailbox.highWater]).toEqual([model.dropped.length, model.highWater]);
        mailbox.release();
        expect(held.size).toBe(0);
      }),
    );
  });
}

test("a mailbox keeps the order of a burst far over its first room, and gives the room back", () => {
  const mailbox = new Mailbox<number>({}, { dropped: () => {}, holdBack: () => false });
  const seen: unknown[] = [];
  for (let i = 0; i < 3000; i++) {
    mailbox.push(i, null);
    // Its ring begins in the middle when it grows.
    if (i % 5 === 0) seen.push(mailbox.shift());
  }
  while (mailbox.hasMessage) seen.push(mailbox.shift());
  expect(seen).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  mailbox.push(1, null);
  expect([mailbox.depth, mailbox.shift()]).toEqual([1, 1]);
});
