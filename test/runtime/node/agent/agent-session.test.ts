/** The host's side of the protocol against guests that lie, flood and fall silent. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { AgentSession } from "../../../../runtime/node/agent/agent-session.ts";
import type { FinalAnswer } from "../../../../runtime/node/agent/agent-line.ts";
import type { AnswerListener } from "../../../../runtime/node/agent/agent-request.ts";
import type { VerbError } from "../../../../runtime/node/instances/machine-driver.ts";
import { STREAM_WINDOW } from "../../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../../runtime/testkit/index.ts";

class Rig {
  readonly world: ManualWorld = createManualWorld();
  readonly written: string[] = [];
  readonly signs: string[] = [];
  isHeld = false;
  readonly session: AgentSession = new AgentSession({
    clock: this.world.clock,
    nonce: "n0nce",
    write: (text) => this.written.push(text),
    hold: (isHeld) => (this.isHeld = isHeld),
    onBooted: () => this.signs.push("booted"),
    onBeat: () => this.signs.push("beat"),
    onServiceExit: (status) => this.signs.push(`exit ${status}`),
  });

  say(...lines: readonly string[]): void {
    this.session.receive(Buffer.from(lines.map((line) => `${line}\n`).join("")));
  }

  hello(): this {
    this.say("blixard 1 n0nce exec,get,freeze,addresses");
    return this;
  }

  open(listener: Partial<AnswerListener> = {}): { ends: (FinalAnswer | VerbError)[]; id: number } {
    const ends: (FinalAnswer | VerbError)[] = [];
    const { id } = this.session.open(["exec"], undefined, {
      onOutput: () => undefined,
      onGrant: () => undefined,
      ...listener,
      onEnd: (end) => ends.push(end),
    });
    return { ends, id };
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("AgentSession believes nothing with a number before the guest has said this session's own", async () => {
  const rig = new Rig();
  rig.session.start();
  expect(rig.written).toEqual(["blixard 1 n0nce\n"]);
  rig.say("blixard 1 another exec", "blixard 2 n0nce exec");
  const { ends, id } = rig.open();
  rig.say(`${id} exit 0`);
  expect(ends).toEqual([]);
  rig.hello();
  rig.say(`${id} exit 0`);
  expect(ends).toEqual([{ word: "exit", code: 0 }]);
  rig.say(`${id} exit 1`, `${id} out aGk=`);
  expect(ends).toHaveLength(1);
});

test("ready() waits for the guest's hello, and names what a guest cannot do", async () => {
  const rig = new Rig();
  const waiting = rig.session.ready("exec");
  rig.hello();
  await waiting;
  await expect(rig.session.ready("put")).rejects.toMatchObject({
    code: "unsupported",
    message: 'its agent does not know "put"',
  });
});

test("ready() gives up on a guest that says nothing, and at once on one of protocol 0", async () => {
  const silent = new Rig();
  const waiting = failureOf(silent.session.ready("exec"));
  silent.world.advance(10_000);
  expect(await waiting).toMatchObject({ code: "timed-out" });
  const old = new Rig();
  const refused = failureOf(old.session.ready("exec"));
  old.say("booted", "beat", "beat", "beat");
  expect(await refused).toMatchObject({ code: "unsupported", message: expect.stringContaining("protocol 0") });
  expect(old.signs).toEqual(["booted", "beat"]);
});

test("close() ends everything that is open, and whoever waits", async () => {
  const rig = new Rig();
  const waiting = failureOf(rig.session.ready("exec"));
  rig.session.close();
  expect(await waiting).toMatchObject({ code: "not-running" });
  const other = new Rig().hello();
  const { ends } = other.open();
  other.session.close();
  other.session.close();
  expect(ends).toMatchObject([{ code: "not-running" }]);
  expect(() => other.open()).toThrow(expect.objectContaining({ code: "not-running" }));
});

test("a guest that sends more than it was granted loses its request, and only that", () => {
  const rig = new Rig().hello();
  let taken = 0;
  const { ends, id } = rig.open({ onOutput: (_, bytes) => (taken += bytes.length) });
  const other = rig.open();
  const chunk = `${id} out ${Buffer.alloc(16_384).toString("base64")}`;
  for (let i = 0; i < 16; i++) rig.say(chunk);
  expect([taken, ends]).toEqual([STREAM_WINDOW, []]);
  rig.say(chunk, chunk);
  expect(taken).toBe(STREAM_WINDOW);
  expect(ends).toMatchObject([{ code: "failed", message: expect.stringContaining("broke the protocol") }]);
  expect(rig.written.at(-1)).toBe(`${id} cancel\n`);
  rig.say(`${other.id} exit 0`);
  expect(other.ends).toEqual([{ word: "exit", code: 0 }]);
});

test.each([
  ["grants more than the window", "more 1"],
  ["begins what is no file", "begin 5 0644"],
  ["tells addresses nobody asked for", "address eth0 ipv4 10.0.0.1"],
])("a guest that %s loses its request", (_, words) => {
  const rig = new Rig().hello();
  const { ends, id } = rig.open();
  rig.say(`${id} ${words}`);
  expect(ends).toMatchObject([{ message: expect.stringContaining("broke the protocol") }]);
});

test("open() refuses a seventeenth request", () => {
  const rig = new Rig().hello();
  for (let i = 0; i < 16; i++) rig.open();
  expect(() => rig.open()).toThrow("16 commands and copies are open in it, which is the limit: end one");
});

test("a grant never opens more than the window, and is sent when it is worth a line", () => {
  const rig = new Rig().hello();
  const request = rig.session.open(["exec"], undefined, { onOutput: () => undefined, onEnd: () => undefined });
  request.grant(1e12);
  expect(rig.written.filter((line) => line.includes("more"))).toEqual([]);
  rig.say(`${request.id} out ${Buffer.alloc(16_384).toString("base64")}`);
  request.grant(16_384);
  expect(rig.written.filter((line) => line.includes("more"))).toEqual([]);
  for (let i = 0; i < 3; i++) {
    rig.say(`${request.id} out ${Buffer.alloc(16_384).toString("base64")}`);
    request.grant(16_384);
  }
  expect(rig.written.filter((line) => line.includes("more"))).toEqual([
    `${request.id} more 32768\n`,
    `${request.id} more 32768\n`,
  ]);
});

test("a flood of anything is not read on before its second is over", () => {
  for (const flood of ["beat", "7 out aGk=", "nonsense", "blixard 1 n0nce exec", "booted", "a".repeat(20_000)]) {
    const rig = new Rig().hello();
    let lines = 0;
    while (!rig.isHeld && lines < 100_000) {
      rig.say(flood);
      lines += 1;
    }
    expect(rig.isHeld, flood).toBe(true);
    expect(rig.signs.filter((sign) => sign === "beat").length).toBeLessThan(2);
    rig.world.advance(1_000);
    expect(rig.isHeld, flood).toBe(false);
  }
});

test("data that was granted may come as fast as it is taken", () => {
  const rig = new Rig().hello();
  const request = rig.session.open(["exec"], undefined, {
    onOutput: (_, bytes) => request.grant(bytes.length),
    onEnd: () => undefined,
  });
  const chunk = `${request.id} out ${Buffer.alloc(16_384).toString("base64")}`;
  for (let i = 0; i < 2_000; i++) rig.say(chunk);
  expect(rig.isHeld).toBe(false);
  expect(request.isOver).toBe(false);
});

test("tick() gives up on a guest that says nothing while something is asked, and not on one that was told to wait", () => {
  const rig = new Rig().hello();
  rig.world.advance(60_000);
  const { ends } = rig.open();
  rig.session.tick();
  rig.world.advance(14_000);
  rig.say("beat");
  rig.world.advance(14_000);
  rig.session.tick();
  expect(ends).toEqual([]);
  rig.world.advance(1_000);
  rig.session.tick();
  expect(ends).toMatchObject([
    { code: "timed-out", message: "it has said nothing for 15 s: it hangs or stands still" },
  ]);
});

test("ask() gives the answer, the guest's refusal in our words, or up", async () => {
  const rig = new Rig().hello();
  const done = rig.session.ask(["freeze", 5]);
  await new Promise((resolve) => setImmediate(resolve));
  rig.say("1 done 2");
  expect(await done).toEqual({ word: "done", value: 2 });
  const refused = failureOf(rig.session.ask(["freeze", 5]));
  await new Promise((resolve) => setImmediate(resolve));
  rig.say(`2 fail busy ${Buffer.from("busy").toString("base64")}`);
  expect(await refused).toMatchObject({ code: "failed", message: "the guest says: busy" });
  const late = failureOf(rig.session.ask(["freeze", 5]));
  await new Promise((resolve) => setImmediate(resolve));
  rig.world.advance(10_000);
  expect(await late).toMatchObject({ code: "timed-out" });
});

/** Lines that look right, near right, and not at all. */
const garbage = fc.oneof(
  fc.string(),
  fc
    .tuple(
      fc.integer({ min: 0, max: 4 }),
      fc.constantFrom("out", "err", "more", "begin", "address", "exit", "killed", "done", "fail", "hello", "in"),
      fc.array(fc.oneof(fc.integer().map(String), fc.base64String({ maxLength: 40 }), fc.string({ maxLength: 10 })), {
        maxLength: 4,
      }),
    )
    .map(([id, word, rest]) => [id, word, ...rest].join(" ")),
  fc.constantFrom("beat", "booted", "exit 3", "blixard 1 n0nce exec", "blixard 1 x exec", "blixard 0 n0nce"),
);

test("whatever a guest says, a request ends at most once, gives no more than was granted, and nothing is thrown", () => {
  fc.assert(
    fc.property(fc.array(garbage, { maxLength: 60 }), fc.integer({ min: 1, max: 64 }), (lines, size) => {
      const rig = new Rig().hello();
      const taken = [0, 0];
      const opened = [0, 1].map((at) => rig.open({ onOutput: (_, bytes) => (taken[at]! += bytes.length) }));
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      for (let at = 0; at < bytes.length; at += size) rig.session.receive(bytes.subarray(at, at + size));
      rig.session.close();
      for (const { ends } of opened) expect(ends).toHaveLength(1);
      expect(Math.max(...taken)).toBeLessThanOrEqual(STREAM_WINDOW);
    }),
    { numRuns: 300 },
  );
});
