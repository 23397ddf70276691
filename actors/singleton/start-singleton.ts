/** Starts a singleton on this node: a proxy to tell it by, and a manager that competes to have it here. */
import { stateless, type ActorSystem, type Ref } from "../../runtime/index.ts";
import { joinedCoordinator } from "../coordination/joined-coordinator.ts";
import { checkStartName } from "../coordination/start-name.ts";
import { managerSpawnOptions, singletonManager, type SingletonManagerOptions } from "./singleton-manager.ts";
import type { SingletonLeft } from "./singleton-protocol.ts";
import { proxySpawnOptions, singletonProxy } from "./singleton-proxy.ts";

/** What a singleton does, and where it may run. */
export interface SingletonOptions<State, Message> extends Omit<SingletonManagerOptions<State, Message>, "coordinator"> {
  /** Whether it may run on this node; else there is only the proxy. Default: true. */
  readonly candidate?: boolean;
}

/** The way to the one actor, from this node. */
export interface Singleton<Message> {
  /** Tells the one that acts, wherever it is. Another node's ref to it works as well. */
  readonly ref: Ref<Message>;
  /**
   * If it acts on this node: lets it handle what waits, stops it, and gives it to node `to`, or to any other. Does nothing
   * elsewhere; when `to` is no candidate, any other gets it.
   */
  yieldTo(to: string | null): void;
}

/**
 * Call it on every node of the cluster with the same name, after `joinCluster`. At any instant at most one of all acts under a valid
 * tenure; for some seconds after its node is lost there is none.
 *
 * At a coordinated shutdown of the system it is handed over in the phase `hand-over`.
 * @throws when the name is taken on this node, or the system has not joined a cluster; `RangeError` for a name that is none (1 to
 * 100 letters, digits, `-`, `_` and `.`) and for options that are no limits.
 */
export function startSingleton<State, Message>(
  system: ActorSystem,
  options: SingletonOptions<State, Message>,
): Singleton<Message> {
  const { name, make, handOverMs = 0, bufferMax = 0 } = options;
  checkStartName("singleton", name);
  if (typeof make !== "function") {
    throw new TypeError(
      `Cannot start singleton "${name}": make is ${typeof make}, wanted a function that makes its behaviour`,
    );
  }
  for (const [what, value] of Object.entries({ handOverMs, bufferMax })) {
    if (!(value >= 0)) throw new RangeError(`Cannot start singleton "${name}": ${what} is ${value}, wanted 0 or more`);
  }
  const coordinator = joinedCoordinator(system, `singleton "${name}"`);
  const ref = system.spawn(singletonProxy<Message>({ ...options, coordinator }), proxySpawnOptions(name));
  if (options.candidate === false) return { ref, yieldTo: () => {} };
  const manager = system.spawn(singletonManager({ ...options, coordinator }), managerSpawnOptions(name));
  system.onShutdown({
    phase: "hand-over",
    name: `singleton-${name}`,
    run: (done) => {
      const replyTo = system.spawn(stateless<SingletonLeft>(`singleton-${name}.left`, () => done()));
      system.tell(manager, { type: "leave", replyTo });
    },
  });
  return { ref, yieldTo: (to) => system.tell(manager, { type: "yield", to }) };
}
