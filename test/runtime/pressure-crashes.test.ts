/** Back-pressure among actors that crash, restart, stop and hold, muted or muting: in the end nobody who lives is muted. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ActorSystem, type Behavior, type Ref } from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";

const ACTORS = 4;

type Deed = "none" | "crash" | "stop" | "stop-gracefully" | "hold" | "release" | "stash" | "unstash";

/** Tells `next` to the actors it names, then does its deed. */
interface Order {
  readonly deed: Deed;
  readonly next: readonly (readonly [to: number, order: Order])[];
}

const DEED = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Deed>("none") },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Deed>("crash", "crash", "stop", "stop-gracefully", "hold", "stash", "unstash"),
  },
);
const ACTOR = fc.nat(ACTORS - 1);

function orders(levels: number): fc.Arbitrary<Order> {
  const next =
    levels === 0 ? fc.constant([]) : fc.array(fc.tuple(ACTOR, orders(levels - 1)), { maxLength: 6, size: "max" });
  return fc.record({ deed: DEED, next });
}

function carriesOut(refs: readonly Ref<Order>[]): Behavior<null, Order> {
  return {
    name: "carries-out",
    init: () => null,
    receive(state, { deed, next }, ctx) {
      for (const [to, order] of next) ctx.tell(refs[to] as Ref<Order>, order);
      if (deed === "crash") throw new Error("asked to fail");
      if (deed === "stop") ctx.stop();
      if (deed === "stop-gracefully") ctx.stop(ctx.self, { deadlineMs: 20 });
      if (deed === "hold") {
        // Until the answer is handled, which goes ahead of all that waits.
        ctx.hold();
        ctx.callback((): Order => ({ deed: "release", next: [] }), { ahead: true })(null);
      }
      if (deed === "release") ctx.release();
      // Handled again after each restart, it must not be what tells of the next crash.
      if (deed === "stash" && next.length === 0) ctx.stash();
      if (deed === "unstash") ctx.unstashAll();
      return state;
    },
  };
}

test("nobody who lives stays muted, whoever of the muted and the muting crashes or ends", () => {
  let muted = 0;
  let run = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("restart", "resume", "stop"), { minLength: ACTORS, maxLength: ACTORS }),
      fc.array(fc.tuple(ACTOR, orders(2)), { minLength: 4, maxLength: 12 }),
      (directives, told) => {
        const world = createManualWorld();
        const system = ActorSystem.create({ node: `n${++run}`, world });
        const refs: Ref<Order>[] = [];
        const intensity = { restartsMax: Infinity, windowMs: 1 };
        const backoff = { minMs: 1, maxMs: 5, jitter: 0 };
        for (const onCrash of directives) {
          const options = {
            mailbox: { capacity: 2, overflow: "back-pressure" },
            supervision: { onCrash, intensity, backoff },
          } as const;
          refs.push(system.spawn(carriesOut(refs), options));
        }
        const count = (): number => system.tree().filter(({ phase }) => phase === "muted").length;
        system.inspection.subscribe(({ type }) => {
          if (type === "message") muted += count();
        });
        for (const [to, order] of told) system.tell(refs[to] as Ref<Order>, order);
        world.advance(60_000);
        expect(count()).toBe(0);
        expect(system.tree().map(({ mailbox }) => mailbox.depth)).toEqual(system.tree().map(() => 0));
        system.stop();
      },
    ),
    { numRuns: 100 },
  );
  expect(muted).toBeGreaterThan(100);
});
