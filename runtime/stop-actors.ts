/**
 * The shutdown task that ends a system's actors: the youngest top-level one first, the next when it has ended, so that an actor
 * can rely on those that were spawned before it until its own end.
 */
import type { ActorCell } from "./actor-cell.ts";
import type { ActorKernel } from "./actor-kernel.ts";
import { ACTORS_PHASE, type ShutdownTask } from "./coordinated-shutdown.ts";

export function stopActorsTask(kernel: ActorKernel): ShutdownTask {
  const topLevel = (): readonly ActorCell<never>[] => [...kernel.root.children.values()] as ActorCell<never>[];

  /** Those of the last look that have not been stopped: one look an actor would be quadratic, and there may be many. */
  let waiting: ActorCell<never>[] = [];

  function takeYoungest(): ActorCell<never> | undefined {
    // As many as there are, unless somebody ended or began meanwhile; one that began is the youngest now.
    if (waiting.length !== kernel.root.children.size) waiting = topLevel().filter(({ stopped }) => !stopped);
    const youngest = waiting.pop();
    return youngest?.stopped === true ? takeYoungest() : youngest;
  }

  function stopNext(done: () => void): void {
    const youngest = takeYoungest();
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
