/** nact 7.6.2 under the measures of `MeasuredSystem`, as its documentation would write them. */
import { dispatch, query, spawn, start, stop, type ActorSystemRef } from "nact";
import { BATCH, FAN_OUT, type MeasuredSystem } from "./measured-system.ts";

/** nact's references carry no type of message. */
type AnyRef = Parameters<typeof dispatch>[0];
type Ping = { readonly from: AnyRef };

const ASK_TIMEOUT_MS = 1_000;

async function inSystem(body: (system: ActorSystemRef, done: () => void) => void): Promise<void> {
  const system: ActorSystemRef = start();
  await new Promise<void>((done) => body(system, done));
  stop(system);
}

function spawnCounter(system: ActorSystemRef, messages: number, done: () => void): AnyRef {
  return spawn(system, (seen: number = 0, _message: number) => {
    if (seen + 1 === messages) done();
    return seen + 1;
  });
}

function spawnRounds(system: ActorSystemRef, count: number, round: () => void): void {
  const sender = spawn(system, (past: number = 0, message: string, ctx) => {
    round();
    if (past + 1 < count) dispatch(ctx.self, message);
    return past + 1;
  });
  dispatch(sender, "again");
}

export const nact: MeasuredSystem = {
  pingPong: (messages) =>
    inSystem((system, done) => {
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
    }),
  oneWay: (messages) =>
    inSystem((system, done) => {
      const sink = spawnCounter(system, messages, done);
      spawnRounds(system, messages / BATCH, () => {
        for (let i = 0; i < BATCH; i++) dispatch(sink, i);
      });
    }),
  fanOut: (messages) =>
    inSystem((system, done) => {
      let finished = 0;
      const sinks = Array.from({ length: FAN_OUT }, () =>
        spawnCounter(system, messages / FAN_OUT, () => {
          finished += 1;
          if (finished === FAN_OUT) done();
        }),
      );
      spawnRounds(system, messages / FAN_OUT, () => {
        for (const sink of sinks) dispatch(sink, 0);
      });
    }),
  spawnStop: (actors) =>
    inSystem((system, done) => {
      const spawner = spawn(system, (spawned: number = 0, message: string, ctx) => {
        const batch = Array.from({ length: BATCH }, () => spawn(ctx.self, (state: null) => state));
        for (const ref of batch) stop(ref);
        if (spawned + BATCH >= actors) done();
        else dispatch(ctx.self, message);
        return spawned + BATCH;
      });
      dispatch(spawner, "again");
    }),
  ask: async (asks) => {
    const system: ActorSystemRef = start();
    const server = spawn(system, (_: null, message: Ping) => {
      dispatch(message.from, 1);
      return null;
    });
    for (let i = 0; i < asks; i++) await query(server, (from: AnyRef) => ({ from }), ASK_TIMEOUT_MS);
    stop(system);
  },
  spawnIdle: (actors) => {
    const system: ActorSystemRef = start();
    // Its own names are random and meet each other from some 50,000 on.
    for (let i = 0; i < actors; i++) spawn(system, (state: null) => state, `idle-${i}`);
  },
};
