/**
 * Carries out what supervision decides about a crash: for the actor that crashed, and for the siblings that its parent's
 * strategy joins to it. The policy itself is in `supervision.ts`, the waiting and the order of restarts in `restart.ts`.
 */
import type { Actor, NactParent } from "nact/lib/actor.js";
import type { ActorKernel } from "./actor-kernel.ts";
import type { SpawnOptions } from "./context.ts";
import type { AnyRef } from "./ref.ts";
import { restartTogether, type Restartable } from "./restart.ts";
import type { CrashHistory, Directive } from "./supervision.ts";

/** An actor that crashed, or a sibling of one. */
export interface Supervised extends Actor, Restartable {
  readonly kernel: ActorKernel;
  readonly ref: AnyRef;
  /** Its behaviour's name. */
  readonly behavior: string;
  readonly options: SpawnOptions;
  readonly crashes: CrashHistory;
  /** Whether its first state was ever made in this life. */
  readonly hasState: boolean;
  resume(): void;
  end(reason: "stopped" | "crashed"): void;
  /** One of its children crashed, and says that this actor is to blame. */
  escalated(error: unknown): void;
}

/** Decides about a crash and does it. The actor is suspended. */
export function supervise(actor: Supervised, crash: unknown): void {
  const { directive, delayMs, error } = judge(actor, crash);
  actor.kernel.crashed(actor.ref, actor.behavior, error, directive);
  switch (directive) {
    case "resume":
      actor.resume();
      return;
    case "restart":
      restart(actor, error, delayMs);
      return;
    case "stop":
      for (const one of concerned(actor).toReversed()) one.end(one === actor ? "crashed" : "stopped");
      return;
    case "escalate":
      escalate(actor, error);
      return;
    default:
      directive satisfies never;
  }
}

interface Verdict {
  readonly directive: Directive;
  readonly delayMs: number;
  readonly error: unknown;
}

function judge({ kernel, crashes, hasState }: Supervised, error: unknown): Verdict {
  const { clock, random } = kernel.world;
  try {
    const verdict = crashes.decide(error, clock.monotonicMs(), random);
    // A behaviour that never made its first state has none to resume with.
    if (verdict.directive === "resume" && !hasState) return { directive: "stop", delayMs: 0, error };
    return { ...verdict, error };
  } catch (bug) {
    const both = new AggregateError([error, bug], "A crash, and no choice what to do about it: the supervision threw");
    return { directive: "escalate", delayMs: 0, error: both };
  }
}

function restart(actor: Supervised, error: unknown, delayMs: number): void {
  const { world } = actor.kernel;
  const members = concerned(actor);
  for (const one of members) if (one !== actor) one.crashes.restartedBySibling(world.clock.monotonicMs());
  restartTogether(world, members, { error, delayMs });
}

function escalate(actor: Supervised, error: unknown): void {
  const { parent } = actor;
  actor.end("crashed");
  if (isSupervised(parent)) parent.escalated(error);
  else actor.kernel.failed(actor.ref, error);
}

/** Whom its restart or its stop after a crash takes along, itself among them, in the order in which they were spawned. */
function concerned(actor: Supervised): readonly Supervised[] {
  const { parent } = actor;
  const strategy = isSupervised(parent) ? parent.options.strategy : undefined;
  if (strategy === undefined || strategy === "one-for-one") return [actor];
  const siblings = [...parent.children.values()] as Supervised[];
  return strategy === "all-for-one" ? siblings : siblings.slice(siblings.indexOf(actor));
}

/** All but the root of the tree. */
function isSupervised(parent: NactParent): parent is NactParent & Supervised {
  return "escalated" in parent;
}
