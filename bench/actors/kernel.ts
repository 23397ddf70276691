/** The kernel of this repository, under the measures of `MeasuredSystem`: default supervision, bounded mailboxes, inspection off. */
import { ActorSystem, createRandom, stateless, type Behavior, type Ref } from "../../runtime/index.ts";
import { createNodeDispatcher, nodeClock } from "../../runtime/node/index.ts";
import { BATCH, FAN_OUT, type MeasuredSystem } from "./measured-system.ts";

const ASK_TIMEOUT_MS = 1_000;

function createSystem(): ActorSystem {
  return ActorSystem.create({
    node: "bench",
    world: { clock: nodeClock, random: createRandom(1), dispatcher: createNodeDispatcher() },
  });
}

/** Lets `body` spawn into a system of its own and resolves when it calls `done`. */
async function inSystem(body: (system: ActorSystem, done: () => void) => void): Promise<void> {
  const system = createSystem();
  await new Promise<void>((done) => body(system, done));
  system.stop();
}

function counter(messages: number, done: () => void): Behavior<number, number> {
  return {
    name: "counter",
    init: () => 0,
    receive: (seen) => {
      if (seen + 1 === messages) done();
      return seen + 1;
    },
  };
}

/** Runs `round` in a handler of its own, `rounds` times. */
function rounds(
  count: number,
  round: (tell: (to: Ref<number>, message: number) => void) => void,
): Behavior<number, "again"> {
  return {
    name: "rounds",
    init: (ctx) => {
      ctx.tell(ctx.self, "again");
      return 0;
    },
    receive: (past, message, ctx) => {
      round((to, value) => ctx.tell(to, value));
      if (past + 1 < count) ctx.tell(ctx.self, message);
      return past + 1;
    },
  };
}

export const kernel: MeasuredSystem = {
  pingPong: (messages) =>
    inSystem((system, done) => {
      const other = system.spawn(stateless<Ref<number>>("pong", (replyTo, ctx) => ctx.tell(replyTo, 0)));
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
    }),
  oneWay: (messages) =>
    inSystem((system, done) => {
      const sink = system.spawn(counter(messages, done), { mailbox: { overflow: "back-pressure" } });
      system.spawn(
        rounds(messages / BATCH, (tell) => {
          for (let i = 0; i < BATCH; i++) tell(sink, i);
        }),
      );
    }),
  fanOut: (messages) =>
    inSystem((system, done) => {
      let finished = 0;
      const sinks = Array.from({ length: FAN_OUT }, () =>
        system.spawn(
          counter(messages / FAN_OUT, () => {
            finished += 1;
            if (finished === FAN_OUT) done();
          }),
        ),
      );
      system.spawn(
        rounds(messages / FAN_OUT, (tell) => {
          for (const sink of sinks) tell(sink, 0);
        }),
      );
    }),
  spawnStop: (actors) =>
    inSystem((system, done) => {
      const idle = stateless<never>("idle", () => {});
      const spawner: Behavior<number, "again"> = {
        name: "spawner",
        init: (ctx) => {
          ctx.tell(ctx.self, "again");
          return 0;
        },
        receive: (spawned, message, ctx) => {
          const batch = Array.from({ length: BATCH }, () => ctx.spawn(idle));
          for (const ref of batch) ctx.stop(ref);
          if (spawned + BATCH >= actors) done();
          else ctx.tell(ctx.self, message);
          return spawned + BATCH;
        },
      };
      system.spawn(spawner);
    }),
  ask: (asks) =>
    inSystem((system, done) => {
      const server = system.spawn(stateless<Ref<number>>("server", (replyTo, ctx) => ctx.tell(replyTo, 1)));
      const request = {
        make: (replyTo: Ref<number>) => replyTo,
        timeoutMs: ASK_TIMEOUT_MS,
        adapt: (): "answer" => "answer",
      };
      const client: Behavior<number, "answer"> = {
        name: "client",
        init: (ctx) => {
          ctx.ask(server, request);
          return 0;
        },
        receive: (answers, _, ctx) => {
          if (answers + 1 >= asks) done();
          else ctx.ask(server, request);
          return answers + 1;
        },
      };
      system.spawn(client);
    }),
  spawnIdle: (actors) => {
    const system = createSystem();
    const idle = stateless<never>("idle", () => {});
    const parent: Behavior<null, never> = {
      name: "parent",
      init: (ctx) => {
        for (let i = 0; i < actors; i++) ctx.spawn(idle);
        return null;
      },
      receive: (state) => state,
    };
    system.spawn(parent);
  },
};
