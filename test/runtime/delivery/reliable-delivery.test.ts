/** Reliable delivery, one promise a test; all of them at once under faults: delivery-property.test.ts. */
import { afterEach, expect, test } from "vitest";
import {
  confirmDelivery,
  createMemoryJournal,
  createReceiverMemory,
  journalDeliveryStore,
  redeliver,
  reliableReceiver,
  reliableSender,
  sendReliably,
  type ActorSystem,
  type Behavior,
  type Delivery,
  type DeliveryProgress,
  type DeliveryStore,
  type Envelope,
  type ReceiverFrame,
  type ReceiverMemory,
  type Ref,
  type ReliableReceiverOptions,
  type ReliableSenderOptions,
  type SendResult,
} from "../../../runtime/index.ts";
import { createManualCluster, type ManualCluster } from "../../../runtime/testkit/index.ts";

const open: ManualCluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.close();
});

type Take = "take" | "hold" | "crash" | "confirm-and-crash";
type ConsumerMessage = Delivery<string> | "redeliver" | { readonly release: number };

interface Setup {
  readonly cluster: ManualCluster;
  readonly got: string[];
  /** What the consumer does with the next deliveries; then it takes them. */
  readonly takes: Take[];
  readonly errors: string[];
  readonly out: Ref<Parameters<ReturnType<typeof reliableSender<string>>["receive"]>[1]>;
  readonly consumer: Ref<ConsumerMessage>;
  send(message: string): Promise<SendResult | string>;
}

interface SetupOptions {
  readonly sender?: Partial<ReliableSenderOptions<string>>;
  readonly receiver?: Partial<ReliableReceiverOptions<string>>;
  lose?(envelope: Envelope): boolean;
  readonly local?: boolean;
}

function setup(options: SetupOptions = {}): Setup {
  const errors: string[] = [];
  const cluster = createManualCluster(["s", "r"], {
    delayMs: 1,
    ...(options.lose === undefined ? {} : { lose: options.lose }),
    system: () => ({ onCrash: ({ error }) => void errors.push((error as { code?: string }).code ?? String(error)) }),
  });
  open.push(cluster);
  const got: string[] = [];
  const takes: Take[] = [];
  const node = options.local === true ? "s" : "r";
  const consumer = spawnConsumer(cluster.system(node), { got, takes, receiver: options.receiver ?? {} });
  const to = cluster.system("s").refAt<ReceiverFrame<string>>({ node, path: "consumer/in" });
  const out = cluster.system("s").spawn(reliableSender<string>({ to, ...options.sender }), { name: "out" });
  const send = async (message: string): Promise<SendResult | string> => {
    const asked = cluster
      .system("s")
      .ask<ReturnType<typeof sendReliably<string>>, SendResult>(out, (replyTo) => sendReliably(message, replyTo), {
        timeoutMs: 1000,
      });
    cluster.world.settle();
    const result = await asked;
    return result.ok ? result.answer : result.code;
  };
  return { cluster, got, takes, errors, out, consumer, send };
}

function spawnConsumer(
  system: ActorSystem,
  { got, takes, receiver }: { got: string[]; takes: Take[]; receiver: Partial<ReliableReceiverOptions<string>> },
): Ref<ConsumerMessage> {
  const held: Delivery<string>[] = [];
  const memory: ReceiverMemory = receiver.memory ?? createReceiverMemory();
  const behavior: Behavior<
    Ref<Parameters<ReturnType<typeof reliableReceiver<string>>["receive"]>[1]>,
    ConsumerMessage
  > = {
    name: "consumer",
    init: (ctx) => {
      const deliver = ctx.callback((delivery: Delivery<string>) => delivery);
      return ctx.spawn(reliableReceiver<string>({ ...receiver, memory, deliver }), { name: "in" });
    },
    receive: (state, message, ctx) => {
      if (message === "redeliver") redeliver(ctx, state);
      else if ("release" in message) {
        for (const delivery of held.splice(0, message.release)) confirmDelivery(ctx, delivery);
      } else {
        const take = takes.shift() ?? "take";
        if (take === "crash") throw new Error("as told");
        got.push(message.message);
        if (take === "hold") held.push(message);
        else confirmDelivery(ctx, message);
        if (take === "confirm-and-crash") throw new Error("as told");
      }
      return state;
    },
  };
  return system.spawn(behavior, { name: "consumer", supervision: { onCrash: "restart" } });
}

test("messages arrive in order, each once, and the sender hears of it", () => {
  const progress: DeliveryProgress[] = [];
  const { cluster, got, out } = setup({ sender: { confirmed: (report) => void progress.push(report) } });
  const wanted = Array.from({ length: 500 }, (_, i) => `m${i}`);
  for (const message of wanted) cluster.system("s").tell(out, sendReliably(message));
  cluster.world.advance(100);
  expect(got).toEqual(wanted);
  expect(progress.at(-1)).toEqual({ confirmed: 500, waiting: 0 });
});

test("a sender and a receiver of one node need no link", () => {
  const { cluster, got, out } = setup({ local: true });
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.settle();
  expect(got).toEqual(["a"]);
});

test("an idle pair exchanges nothing", () => {
  const { cluster, out } = setup();
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.advance(100);
  const before = cluster.sent.length;
  cluster.world.advance(300_000);
  expect(cluster.sent).toHaveLength(before);
});

test("a consumer that does not confirm is given no more than the window, and more as it confirms", () => {
  const { cluster, got, takes, out, consumer } = setup({ receiver: { window: 3 } });
  takes.push(...Array.from({ length: 10 }, (): Take => "hold"));
  for (let i = 0; i < 10; i++) cluster.system("s").tell(out, sendReliably(`m${i}`));
  cluster.world.advance(60_000);
  expect(got).toEqual(["m0", "m1", "m2"]);
  cluster.system("r").tell(consumer, { release: 2 });
  cluster.world.advance(100);
  expect(got).toHaveLength(5);
});

test("sendReliably() is refused when the buffer is full, and taken again when messages are confirmed", async () => {
  const { cluster, takes, consumer, send } = setup({ sender: { bufferMax: 2 }, receiver: { window: 2 } });
  takes.push("hold", "hold");
  expect(await send("a")).toEqual({ ok: true, seq: 1 });
  expect(await send("b")).toEqual({ ok: true, seq: 2 });
  expect(await send("c")).toEqual({ ok: false, code: "buffer-full" });
  cluster.world.advance(100);
  cluster.system("r").tell(consumer, { release: 2 });
  cluster.world.advance(100);
  expect(await send("d")).toEqual({ ok: true, seq: 3 });
});

test("without replyTo a refused message is a dead letter", () => {
  const { cluster, out } = setup({ sender: { bufferMax: 1 } });
  for (const message of ["a", "b"]) cluster.system("s").tell(out, sendReliably(message));
  cluster.world.settle();
  expect(cluster.system("s").deadLetters).toBe(1);
});

test("a lost message is sent again as soon as one behind it arrives", () => {
  let lost = 0;
  const { cluster, got, out } = setup({
    lose: ({ message }) => (message as ReceiverFrame<string>).type === "delivery-data" && lost++ === 1,
  });
  cluster.world.advance(10);
  for (const message of ["a", "b", "c"]) cluster.system("s").tell(out, sendReliably(message));
  cluster.world.advance(10);
  expect(got).toEqual(["a", "b", "c"]);
});

test("the last message, when it is lost, is sent again after resendMs", () => {
  let lost = 0;
  const { cluster, got, out } = setup({
    lose: ({ message }) => (message as ReceiverFrame<string>).type === "delivery-data" && lost++ === 0,
  });
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.advance(100);
  expect(got).toEqual([]);
  cluster.world.advance(700);
  expect(got).toEqual(["a"]);
});

test("what is sent while the link is down arrives when it is up, without waiting for a timer", () => {
  const { cluster, got, out } = setup();
  cluster.world.advance(10);
  cluster.cut("s", "r");
  for (const message of ["a", "b"]) cluster.system("s").tell(out, sendReliably(message));
  cluster.world.advance(3_600_000);
  expect(got).toEqual([]);
  cluster.heal("s", "r");
  cluster.world.advance(10);
  expect(got).toEqual(["a", "b"]);
});

test("a sender finds a receiver that starts later", () => {
  const { cluster, out } = setup();
  cluster.crash("r");
  const system = cluster.restart("r");
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.advance(2000);
  const got: string[] = [];
  spawnConsumer(system, { got, takes: [], receiver: {} });
  cluster.world.advance(60_000);
  expect(got).toEqual(["a"]);
});

test("what a consumer crashes on is delivered to its next life, at once; what it confirmed in the same turn is not", () => {
  const { cluster, got, takes, out } = setup();
  takes.push("take", "crash", "confirm-and-crash");
  for (const message of ["a", "b", "c"]) cluster.system("s").tell(out, sendReliably(message));
  cluster.world.advance(20);
  expect(got).toEqual(["a", "b"]);
  // Its second restart takes a while.
  cluster.world.advance(2000);
  expect(got).toEqual(["a", "b", "c"]);
});

test("redeliver() gives a restarted consumer what is not confirmed, after asking the memory", () => {
  const recorded = new Map<string, number>();
  const memory: ReceiverMemory = { lastConfirmed: (stream) => recorded.get(stream) };
  const { cluster, got, takes, out, consumer } = setup({ receiver: { memory } });
  takes.push("hold", "hold");
  for (const message of ["a", "b"]) cluster.system("s").tell(out, sendReliably(message));
  cluster.world.advance(100);
  const data = cluster.sent.map(({ message }) => message as ReceiverFrame<string>);
  const stream = data.find(({ type }) => type === "delivery-data")?.stream ?? "";
  recorded.set(stream, 1);
  cluster.system("r").tell(consumer, "redeliver");
  cluster.world.advance(100);
  expect(got).toEqual(["a", "b", "b"]);
});

test("a message of the wrong type is a dead letter and holds up nothing", () => {
  const accepts = (message: unknown): message is string => typeof message === "string";
  const { cluster, got, takes, out, consumer } = setup({ receiver: { accepts, window: 2 } });
  takes.push("hold");
  for (const message of ["a", 7, 8, "b"]) cluster.system("s").tell(out, sendReliably(message as string));
  cluster.world.advance(100);
  cluster.system("r").tell(consumer, { release: 1 });
  cluster.world.advance(100);
  expect(got).toEqual(["a", "b"]);
  expect(cluster.system("r").deadLetters).toBe(2);
});

test("a receiver takes so many streams; one that ends makes room", () => {
  const { cluster, got, out } = setup({ receiver: { streamsMax: 1 } });
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.advance(100);
  const to = cluster.system("s").refAt<ReceiverFrame<string>>({ node: "r", path: "consumer/in" });
  const second = cluster.system("s").spawn(reliableSender<string>({ to }));
  cluster.system("s").tell(second, sendReliably("b"));
  cluster.world.advance(1000);
  expect(got).toEqual(["a"]);
  expect(cluster.system("r").deadLetters).toBeGreaterThan(0);
  cluster.system("s").stopActor(out);
  cluster.world.advance(60_000);
  expect(got).toEqual(["a", "b"]);
});

test("a stream without news is forgotten after an hour, and goes on all the same", () => {
  const memory = createReceiverMemory();
  const { cluster, got, out } = setup({ receiver: { memory } });
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.advance(100);
  const { stream } = cluster.sent.at(-1)!.message as { readonly stream: string };
  expect(memory.lastConfirmed(stream)).toBe(1);
  cluster.world.advance(2 * 3_600_000);
  expect(memory.lastConfirmed(stream)).toBeUndefined();
  cluster.system("s").tell(out, sendReliably("b"));
  cluster.world.advance(1000);
  expect(got).toEqual(["a", "b"]);
});

test("a store that fails crashes the sender by name, and whoever waits is told", async () => {
  const failed = { ok: false as const, error: new Error("disk on fire") };
  const broken: DeliveryStore<string> = {
    load: (fresh, done) => done({ ok: true, value: { stream: fresh, base: 1, messages: [] } }),
    append: (_after, _messages, done) => done(failed),
    confirm: () => {},
  };
  const { send, errors } = setup({ sender: { store: broken } });
  expect(await send("a")).toEqual({ ok: false, code: "delivery-store-failed" });
  expect(errors).toEqual(["delivery-store-failed"]);
});

test("a store that is older than what was sent from it stops the sender by name", () => {
  const emptied: DeliveryStore<string> = {
    load: (_fresh, done) => done({ ok: true, value: { stream: "orders", base: 1, messages: ["a"] } }),
    append: (_after, _messages, done) => done({ ok: true, value: null }),
    confirm: () => {},
  };
  const memory: ReceiverMemory = { lastConfirmed: () => 7 };
  const { cluster, errors } = setup({ sender: { store: emptied }, receiver: { memory } });
  cluster.world.advance(1000);
  expect(errors).toEqual(["delivery-store-behind"]);
});

test("a second sender on the same journal stream fences the first", async () => {
  const cluster = createManualCluster(["s"]);
  open.push(cluster);
  const journal = createMemoryJournal(cluster.world);
  const system = cluster.system("s");
  const to = system.refAt<ReceiverFrame<string>>({ node: "s", path: "nobody" });
  const [first, second] = ["first", "second"].map((name) => {
    const store = journalDeliveryStore<string>({ journal, stream: "orders" });
    const ref = system.spawn(reliableSender<string>({ to, store }), { name });
    cluster.world.settle();
    return ref;
  });
  const asks = [first, second].map((ref) =>
    system.ask<ReturnType<typeof sendReliably<string>>, SendResult>(ref!, (replyTo) => sendReliably("a", replyTo), {
      timeoutMs: 100,
    }),
  );
  cluster.world.advance(100);
  expect(await Promise.all(asks)).toEqual([
    { ok: true, answer: { ok: false, code: "delivery-store-failed" } },
    { ok: true, answer: { ok: true, seq: 1 } },
  ]);
});

test("a journal takes a burst that is larger than one append may be", () => {
  const cluster = createManualCluster(["s"]);
  open.push(cluster);
  const journal = createMemoryJournal(cluster.world);
  const system = cluster.system("s");
  const got: string[] = [];
  spawnConsumer(system, { got, takes: [], receiver: {} });
  const to = system.refAt<ReceiverFrame<string>>({ node: "s", path: "consumer/in" });
  const store = journalDeliveryStore<string>({ journal, stream: "orders" });
  const out = system.spawn(reliableSender<string>({ to, store }));
  const large = "x".repeat(6_000_000);
  for (let i = 0; i < 7; i++) system.tell(out, sendReliably(large));
  for (let i = 0; i < 2500; i++) system.tell(out, sendReliably(`m${i}`));
  cluster.world.advance(1000);
  expect(got).toHaveLength(2507);
});

test("reliableSender() and reliableReceiver() run once at a time", () => {
  const { cluster, errors } = setup();
  const system = cluster.system("s");
  const sender = reliableSender<string>({ to: system.refAt({ node: "r", path: "consumer/in" }) });
  const receiver = reliableReceiver<string>({ deliver: () => {} });
  for (const name of ["one", "two"]) {
    system.spawn(sender, { name: `sender-${name}` });
    system.spawn(receiver, { name: `receiver-${name}` });
  }
  expect(errors).toEqual(["delivery-in-use", "delivery-in-use"]);
});

test("reliableReceiver() refuses a window out of its range", () => {
  for (const window of [0, 1.5, 10_001]) {
    expect(() => reliableReceiver({ deliver: () => {}, window })).toThrow(`window of ${window}`);
  }
});

test("garbage from another node is a dead letter, and a frame of no stream does nothing", () => {
  const { cluster, got, out } = setup();
  const receiver = cluster.system("s").refAt<unknown>({ node: "r", path: "consumer/in" });
  const sender = cluster.system("r").refAt<unknown>({ node: "s", path: "out" });
  const garbage: readonly unknown[] = [
    null,
    { type: "confirm", stream: "x", seq: 1 },
    { type: "delivery-data", stream: "x", seq: 0, message: 1 },
  ];
  for (const message of garbage) cluster.system("s").tell(receiver, message);
  cluster.system("s").tell(receiver, { type: "delivery-data", stream: "x", seq: 1, message: "forged" });
  const numbers = { stream: "x", life: "l", received: 9, confirmed: 9, limit: 9, resend: false };
  cluster.system("r").tell(sender, { type: "delivery-ack", ...numbers });
  cluster.system("r").tell(sender, { type: "delivery-ack", ...numbers, received: 1 });
  cluster.system("s").tell(out, sendReliably("a"));
  cluster.world.advance(100);
  expect(got).toEqual(["a"]);
  expect(cluster.system("r").deadLetters).toBe(garbage.length);
  expect(cluster.system("s").deadLetters).toBe(1);
});

test("sender and receiver agree on the type of their messages", () => {
  const { cluster } = setup();
  const to = cluster.system("s").refAt<ReceiverFrame<number>>({ node: "r", path: "consumer/in" });
  // @ts-expect-error: the receiver takes numbers.
  const behavior = reliableSender<string>({ to });
  expect(behavior.name).toBe("reliable-sender");
});

test("reliableSender() and reliableReceiver() refuse what bounds nothing, and what is none", () => {
  const cluster = createManualCluster(["s"]);
  open.push(cluster);
  const to = cluster.system("s").refAt<ReceiverFrame<string>>({ node: "s", path: "r" });
  const send = (wrong: Partial<ReliableSenderOptions<string>>): (() => unknown) => {
    return () => reliableSender<string>({ to, ...wrong });
  };
  expect(send({ bufferMax: Number.NaN })).toThrow(
    "Cannot deliver reliably to blixard://s/r: bufferMax is NaN, wanted a number of messages from 1 on",
  );
  for (const bufferMax of [0, 1.5, -1]) expect(send({ bufferMax })).toThrow(RangeError);
  expect(send({ resendMs: 0 })).toThrow("resendMs is 0, wanted milliseconds, more than 0");
  expect(send({ resendMaxMs: Number.NaN })).toThrow("resendMaxMs is NaN");
  expect(send({ bufferMax: Infinity, resendMs: 0.5 })).not.toThrow();
  expect(() => reliableSender({} as ReliableSenderOptions<string>)).toThrow(
    "Cannot deliver reliably to undefined: it is no ref",
  );
  expect(() => reliableReceiver({ deliver: () => {}, streamsMax: Number.NaN })).toThrow(
    "a reliable receiver of NaN streams",
  );
  expect(() => reliableReceiver({} as ReliableReceiverOptions<string>)).toThrow(
    "deliver is undefined, wanted a function",
  );
});
