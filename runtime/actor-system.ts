/**
 * An actor system: the tree of actors of one node, and the door to it from outside.
 *
 * The system itself does nothing: the world's dispatcher gives turns, the world's clock fires timers. So the same system
 * runs in production and, driven by a seed, in the simulator.
 */
import type { Actor } from "nact/lib/actor.js";
import { find, remove } from "nact/lib/system-map.js";
import { start } from "nact/lib/system.js";
import type { Observable } from "rxjs";
import { ActorCell } from "./actor-cell.ts";
import { ActorKernel, type CrashReport } from "./actor-kernel.ts";
import type { Behavior } from "./behavior.ts";
import { checkBehavior } from "./check-behavior.ts";
import { NAME } from "./check-spawn.ts";
import { checkWorld } from "./check-world.ts";
import type { AskResult } from "./ask-result.ts";
import type { SpawnOptions, StopOptions } from "./context.ts";
import {
  CoordinatedShutdown,
  DEFAULT_SHUTDOWN_PHASES,
  type ShutdownPhase,
  type ShutdownReport,
  type ShutdownTask,
} from "./coordinated-shutdown.ts";
import type { ActorNode, DeadLetterReason, InspectionEvent, InspectOptions } from "./inspection.ts";
import { treeBelow } from "./actor-tree.ts";
import type { Address } from "./ports/address.ts";
import type { AnyRef, Ref } from "./ref.ts";
import { stopActorsTask } from "./stop-actors.ts";
import { tellListener } from "./tell-listener.ts";
import type { World } from "./world.ts";

/** What a system is made of: a world and, if it is not the world's, a name. */
export interface ActorSystemOptions {
  /**
   * This node's name: letters, digits, `-`, `_` and `.`. Two running systems of one process must differ in it. Default: the
   * world's, else `local`.
   */
  readonly node?: string;
  readonly world: World;
  /** What a shutdown goes through, in this order; one of them is `stop-actors`. Default: `DEFAULT_SHUTDOWN_PHASES`. */
  readonly shutdownPhases?: readonly ShutdownPhase[];
  /**
   * Told of every crash, with what supervision is about to make of it. What it throws reaches no actor: it is an uncaught error of
   * the process, as with `inspect`. Default: silence.
   */
  onCrash?(crash: CrashReport): void;
  /** Told when a crash escalated past a top-level actor; the system has been stopped by then. Default: silence. */
  onFailure?(ref: AnyRef, error: unknown): void;
}

/** The actors of one node, as a tree, and the door to them from outside: spawns, tells, asks, ends them. */
export class ActorSystem {
  readonly node: string;
  /** All that happens in this system: `inspect()`. */
  readonly inspection: Observable<InspectionEvent>;
  readonly #kernel: ActorKernel;
  readonly #nactName: string;
  #spawned = 0;
  #stopped = false;

  /**
   * @throws when another running system of this process has the same node name, and for a name or phases that are none;
   * `TypeError` for a world that lacks a port.
   */
  static create(options: ActorSystemOptions): ActorSystem {
    return new ActorSystem(options);
  }

  private constructor(options: ActorSystemOptions) {
    checkWorld("create an actor system", options);
    this.node = options.node ?? options.world.node ?? "local";
    if (!NAME.test(this.node)) {
      throw new Error(
        `Cannot create an actor system "${this.node}": a name is 1 to 128 letters, digits, "-", "_" and "."`,
      );
    }
    this.#nactName = `blixard-${this.node}`;
    if (find(this.#nactName) !== undefined) {
      throw new Error(`Cannot create an actor system "${this.node}": one of that name runs in this process`);
    }
    const shutdown = new CoordinatedShutdown(options.world.clock, options.shutdownPhases ?? DEFAULT_SHUTDOWN_PHASES);
    start({ name: this.#nactName });
    const root = find(this.#nactName);
    if (root === undefined) throw new Error(`nact did not register the system "${this.#nactName}"`);
    this.#kernel = new ActorKernel({
      shutdown,
      node: this.node,
      world: options.world,
      root,
      makeCell: (kernel, parent, child) => new ActorCell(kernel, parent, child).ref,
      onCrash: (report) => tellListener(report, (crash) => options.onCrash?.(crash)),
      onFailure: (ref, error) => {
        this.stop();
        tellListener(error, () => options.onFailure?.(ref, error));
      },
    });
    this.inspection = this.inspect();
    shutdown.add(stopActorsTask(this.#kernel));
  }

  /** Messages that nobody handled, since the start. */
  get deadLetters(): number {
    return this.#kernel.deadLetters;
  }

  /** Of the messages that nobody handled, those for this reason. */
  deadLettersBy(reason: DeadLetterReason): number {
    return this.#kernel.deadLettersBy(reason);
  }

  /**
   * What happens in this system from each subscription on, with a share of the messages; see `InspectionEvent`. Completes when
   * the system stops. @throws RangeError for a rate that is none.
   */
  inspect(options: InspectOptions = {}): Observable<InspectionEvent> {
    return this.#kernel.inspection.observe(options);
  }

  /** The living actors as they are now, from the top level down. */
  tree(): readonly ActorNode[] {
    return treeBelow(this.#kernel.root);
  }

  /** Spawns a top-level actor. @throws as `ctx.spawn` does, and when the system has stopped. */
  spawn<State, Message>(behavior: Behavior<State, Message>, options: SpawnOptions = {}): Ref<Message> {
    checkBehavior("spawn an actor", behavior);
    if (this.#stopped) throw new Error(`Cannot spawn "${behavior.name}": the system "${this.node}" has stopped`);
    const name = options.name ?? this.#freeName(behavior.name);
    return this.#kernel.spawn(this.#kernel.root, { behavior, name, options });
  }

  tell<Message>(to: Ref<Message>, message: Message): void {
    this.#kernel.tell(to, message, null);
  }

  /**
   * Asks from outside the actors. Resolves with the answer or with why there is none; rejects only with what `make` throws, with
   * a RangeError for a `timeoutMs` that is no number, and with a TypeError for what is no ref. The type of the answer is that of
   * the parameter of `make`: `(replyTo: Ref<number>) => …`.
   */
  ask<const Message, Answer>(
    to: Ref<Message>,
    make: (replyTo: Ref<Answer>) => Message,
    options: { readonly timeoutMs: number },
  ): Promise<AskResult<Answer>> {
    return new Promise((resolve) => {
      if (options === undefined) throw new TypeError(`Cannot ask ${String(to)}: no time to wait; give { timeoutMs }`);
      const replyTo = this.#kernel.asks.open<Answer>(options.timeoutMs, { ref: null, source: null, settled: resolve });
      this.#kernel.tell(to, make(replyTo), replyTo);
    });
  }

  /**
   * Resolves when `to` takes messages: at once, or when its mailbox (`overflow: "back-pressure"`) or the way to its node has
   * drained. For callers outside of actors, which nothing else holds back; it does not reserve room.
   */
  async ready(to: AnyRef): Promise<void> {
    await new Promise<void>((resolve) => {
      const pressure = this.#kernel.pressureOf(to);
      if (pressure === null) resolve();
      else pressure.whenReleased(resolve);
    });
  }

  /** A ref to an actor by its address, on this node or another. */
  refAt<Message>(address: Address): Ref<Message> {
    return this.#kernel.refAt(address);
  }

  /**
   * Stops one top-level actor and all below it; with a deadline it first handles what waits (see `ctx.stop`). Does nothing for
   * any other ref, also one of an earlier actor of that name.
   */
  stopActor(ref: AnyRef, options?: StopOptions): void {
    const actor = this.#kernel.childMeant(this.#kernel.root, ref) as ActorCell<never> | null | undefined;
    if (options === undefined) actor?.stop();
    else actor?.stopGracefully(options.deadlineMs);
  }

  /** Adds a task to this system's shutdown; returns what takes it back. @throws for a phase that it does not have. */
  onShutdown(task: ShutdownTask): () => void {
    return this.#kernel.shutdown.add(task);
  }

  /**
   * Ends the system in phases: doors, requests, what it holds for the cluster, actors, ports (`DEFAULT_SHUTDOWN_PHASES`).
   * Actors end one after the other, the youngest top-level one first, each when it has handled what waits. Takes at most
   * the sum of the phases' timeouts. A second call gets the same report; `stop` ends it early. Never rejects.
   */
  shutdown(): Promise<ShutdownReport> {
    return new Promise((resolve) => {
      this.beginShutdown(resolve);
    });
  }

  /** `shutdown` for whoever cannot wait for a promise, such as a simulated world. */
  beginShutdown(done?: (report: ShutdownReport) => void): void {
    this.#kernel.shutdown.run((report) => {
      this.stop();
      tellListener(report, (ended) => done?.(ended));
    });
  }

  /** Stops every actor, the youngest top-level one first. The world's ports stay open; they belong to whoever made them. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#kernel.shutdown.abort();
    const topLevel: Actor[] = [...this.#kernel.root.children.values()];
    for (const actor of topLevel.toReversed()) actor.stop();
    this.#kernel.close();
    remove(this.#nactName);
  }

  #freeName(behavior: string): string {
    let name: string;
    do name = `${behavior}-${++this.#spawned}`;
    while (this.#kernel.root.children.has(name));
    return name;
  }
}
