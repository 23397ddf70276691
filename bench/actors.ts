/** The kernel beside nact 7.6.2 in the same process: ping-pong of two actors, and one-way tells to one actor. */
import { dispatch, start, spawn, stop, type ActorSystemRef } from "nact";
import { ActorSystem, createRandom, stateless, type Behavior, type Ref } from "../runtime/index.ts";
import { createNodeDispatcher, nodeClock } from "../runtime/node/index.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";

const ROUNDS = 5;
const PING_PONGS = 300_000;
const NACT_PING_PONGS = 60_000;
const TELLS = 1_000_000;
const NACT_TELLS = 100_000;

export const actorsBench: Bench = {
  name: "actors",
  summary: "messages a second of the kernel, beside nact in the same process",
  async run(progress): Promise<readonly Row[]> {
    const figures = {
      pingPong: [] as number[],
      nactPingPong: [] as number[],
      tell: [] as number[],
      nactTell: [] as number[],
    };
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round} of ${ROUNDS}`);
      figures.pingPong.push(await rate(PING_PONGS, pingPong));
      figures.nactPingPong.push(await rate(NACT_PING_PONGS, nactPingPong));
      figures.tell.push(await rate(TELLS, oneWay));
      figures.nactTell.push(await rate(NACT_TELLS, nactOneWay));
    }
    const ratio = (ours: readonly number[], theirs: readonly number[]): number[] =>
      ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
    return [
      spreadRow("ping-pong", figures.pingPong, { unit: "messages/s", goal: "the kernel" }),
      spreadRow("ping-pong, nact", figures.nactPingPong, { unit: "messages/s", goal: "nact 7.6.2" }),
      spreadRow("ping-pong, ratio", ratio(figures.pingPong, figures.nactPingPong), {
        unit: "x",
        goal: "kernel / nact",
      }),
      spreadRow("one-way", figures.tell, { unit: "messages/s", goal: "the kernel" }),
      spreadRow("one-way, nact", figures.nactTell, { unit: "messages/s", goal: "nact 7.6.2" }),
      spreadRow("one-way, ratio", ratio(figures.tell, figures.nactTell), { unit: "x", goal: "kernel / nact" }),
    ];
  },
};

/** nact's references carry no type of message. */
type PingRef = Parameters<typeof dispatch>[0];

async function rate(messages: number, run: (messages: number) => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await run(messages);
  return messages / ((performance.now() - startMs) / 1000);
}

function createSystem(): ActorSystem {
  return ActorSystem.create({
    node: "bench",
    world: { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher() },
  });
}

async function pingPong(messages: number): Promise<void> {
  const system = createSystem();
  await new Promise<void>((done) => {
    const pong: Behavior<null, Ref<number>> = stateless("pong", (replyTo, ctx) => ctx.tell(replyTo, 0));
    const other = system.spawn(pong);
    const ping: Behavior<number, number> = {
      name: "ping",
      init: (ctx) => {
        ctx.tell(other, ctx.self);
        return 0;
      },
      receive: (count, _, ctx) => {
        if (count * 2 >= messages) done();
        else ctx.tell(other, ctx.self);
        return count + 1;
      },
    };
    system.spawn(ping);
  });
  system.stop();
}

async function oneWay(messages: number): Promise<void> {
  const system = createSystem();
  await new Promise<void>((done) => {
    let seen = 0;
    const sink = system.spawn(
      stateless<number>("sink", () => {
        seen += 1;
        if (seen === messages) done();
      }),
      { mailbox: { capacity: messages } },
    );
    for (let i = 0; i < messages; i++) system.tell(sink, i);
  });
  system.stop();
}

async function nactPingPong(messages: number): Promise<void> {
  const system: ActorSystemRef = start();
  await new Promise<void>((done) => {
    type Ping = { readonly from: PingRef };
    const pong = spawn(system, (_: null, message: Ping, ctx) => {
      dispatch(message.from, { from: ctx.self });
      return null;
    });
    const ping = spawn(system, (count: number = 0, message: Ping, ctx) => {
      if (count * 2 >= messages) done();
      else dispatch(message.from, { from: ctx.self });
      return count + 1;
    });
    dispatch(pong, { from: ping });
  });
  stop(system);
}

async function nactOneWay(messages: number): Promise<void> {
  const system: ActorSystemRef = start();
  await new Promise<void>((done) => {
    const sink = spawn(system, (seen: number = 0, _message: number) => {
      if (seen + 1 === messages) done();
      return seen + 1;
    });
    for (let i = 0; i < messages; i++) dispatch(sink, i);
  });
  stop(system);
}
