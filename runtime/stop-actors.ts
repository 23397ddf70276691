/**
 * The shutdown task that ends a system's actors: the youngest top-level one first, the next when it has ended, so that an actor
 * can rely on those that were spawned before it until its own end.
 */
import type { ActorCell } from "./actor-cell.ts";
import type { ActorKernel } from "./actor-kernel.ts";
import { ACTORS_PHASE, type ShutdownTask } from "./coordinated-shutdown.ts";

export function stopActorsTask(kernel: ActorKernel): ShutdownTask {
  const topLevel = (): readonly ActorCell<never>[] => [...kernel.root.children.values()] as ActorCell<never>[];

  function stopNext(done: () => void): void {
    const youngest = topLevel().at(-1);
    if (youngest === undefined) {
      done();
      return;
    }
    youngest.stopGracefully(null, () => stopNext(done));
  }

  return {
    phase: ACTORS_PHASE,
    name: "actors",
    run: (done) => stopNext(() => done()),
    onTimeout: () => {
      const late = topLevel().map(({ name }) => `"${name}"`);
      for (const actor of topLevel().toReversed()) actor.stop();
      return new Error(`Ended without having handled what waited: ${late.join(", ")}`);
    },
  };
}
