/**
 * The entities that live on one node: each an actor, made at its first message, stopped when it is idle or its shard goes.
 *
 *     no actor ──message──▶ living ──idle, asks for it, shard goes──▶ stopping ──ended──▶ no actor
 *                             ▲                                          │ a message came meanwhile
 *                             └──────────────────────────────────────────┘
 *
 * An entity that is stopping first handles what it was told before; what comes meanwhile waits here, in order, for the
 * next actor of it. So passivation loses nothing, and there are never two actors of an entity.
 */
import type { AnyRef, Behavior, Context, Ref } from "../../runtime/index.ts";
import { guardedLazily } from "../coordination/guarded.ts";
import type { Tenure } from "../coordination/tenure.ts";
import { entityName } from "./entity-name.ts";
import type { ShardRegionSetup } from "./shard-options.ts";
import type { ShardHostMessage } from "./shard-protocol.ts";

/** A shard that is at home here, as its entities see it. */
export interface EntityHome {
  readonly shard: number;
  readonly tenure: Tenure;
  /** The ids of those that live or are stopping. */
  readonly entities: Set<string>;
  /** Its entities are stopped so that it can go. */
  readonly isDraining: boolean;
  /** It is at home here no more. */
  readonly isGone: boolean;
}

/** How an entity came to its end. */
export type EntityEnd =
  /** For want of messages, or it stopped itself. */
  | "passivated"
  | "crashed"
  /** Its shard goes, or its node's session was lost. */
  | "moved";

interface Living<Message> {
  readonly id: string;
  readonly home: EntityHome;
  readonly ref: Ref<Message>;
  lastAtMs: number;
  stopping: "passivated" | "moved" | null;
  readonly waiting: Message[];
}

export interface EntityTableOptions<State, Message> {
  readonly ctx: Context<ShardHostMessage>;
  readonly setup: ShardRegionSetup<State, Message>;
  readonly onStarted: (home: EntityHome, entity: string) => void;
  /** It has ended, and no message waited for it. */
  readonly onEnded: (home: EntityHome, entity: string, end: EntityEnd) => void;
  /** No room for a message that has to wait. */
  readonly onRefused: (message: Message) => void;
  /** It waited for an entity of a shard that is not at home here any more. */
  readonly onHomeless: (home: EntityHome, entity: string, message: Message) => void;
}

export class EntityTable<State, Message> {
  readonly #options: EntityTableOptions<State, Message>;
  readonly #living = new Map<string, Living<Message>>();
  /** By path of the actor. */
  readonly #ids = new Map<string, string>();
  #waiting = 0;

  constructor(options: EntityTableOptions<State, Message>) {
    this.#options = options;
  }

  get size(): number {
    return this.#living.size;
  }

  deliver(home: EntityHome, id: string, message: Message): void {
    const { ctx, setup, onRefused } = this.#options;
    const living = this.#living.get(id) ?? this.#start(home, id);
    if (living === undefined) {
      onRefused(message);
    } else if (living.stopping === null) {
      living.lastAtMs = ctx.now();
      ctx.tell(living.ref, message);
    } else if (this.#waiting < setup.bufferMax) {
      this.#waiting += 1;
      living.waiting.push(message);
    } else {
      onRefused(message);
    }
  }

  /** Makes an entity without a message, if it does not live. */
  start(home: EntityHome, id: string): void {
    if (!this.#living.has(id)) this.#start(home, id);
  }

  passivate(id: string): void {
    const living = this.#living.get(id);
    if (living !== undefined) this.#stop(living, "passivated");
  }

  /** Stops those that got no message for `passivateAfterMs`. */
  passivateIdle(): void {
    const { ctx, setup } = this.#options;
    const beforeMs = ctx.now() - setup.passivateAfterMs;
    for (const living of this.#living.values()) if (living.lastAtMs <= beforeMs) this.#stop(living, "passivated");
  }

  /** Stops the entities of a shard when they have handled what waits. */
  drain(home: EntityHome): void {
    for (const id of home.entities) {
      const living = this.#living.get(id);
      if (living !== undefined) this.#stop(living, "moved");
    }
  }

  /** Stops the entities of a shard now; what they were told and have not handled becomes dead letters. */
  end(home: EntityHome): void {
    for (const id of home.entities) {
      const living = this.#living.get(id);
      if (living === undefined) continue;
      living.stopping = "moved";
      this.#options.ctx.stop(living.ref);
    }
  }

  /** An actor has ended. */
  ended(ref: AnyRef, isCrash: boolean): void {
    const id = this.#ids.get(ref.path);
    const living = id === undefined ? undefined : this.#living.get(id);
    if (living === undefined) return;
    const { home, waiting } = living;
    this.#ids.delete(ref.path);
    this.#living.delete(living.id);
    home.entities.delete(living.id);
    this.#waiting -= waiting.length;
    if (waiting.length === 0) {
      this.#options.onEnded(home, living.id, living.stopping ?? (isCrash ? "crashed" : "passivated"));
      return;
    }
    for (const message of waiting) {
      if (home.isGone) this.#options.onHomeless(home, living.id, message);
      else this.deliver(home, living.id, message);
    }
    if (home.isDraining) this.drain(home);
  }

  #start(home: EntityHome, id: string): Living<Message> | undefined {
    const { ctx, setup, onStarted } = this.#options;
    const name = entityName(id);
    if (name === undefined) return undefined;
    const asked = ctx.callback<null>(() => ({ type: "passivate", entity: id }));
    const { tenure } = home;
    const make = (): Behavior<State, Message> => setup.make({ id, tenure, passivate: () => asked(null) });
    const ref = ctx.spawn(guardedLazily(setup.type, tenure, make), {
      name,
      supervision: setup.supervision,
      ...(setup.mailbox && { mailbox: setup.mailbox }),
    });
    ctx.watch(ref);
    const living: Living<Message> = { id, home, ref, lastAtMs: ctx.now(), stopping: null, waiting: [] };
    this.#living.set(id, living);
    this.#ids.set(ref.path, id);
    home.entities.add(id);
    onStarted(home, id);
    return living;
  }

  #stop(living: Living<Message>, why: "passivated" | "moved"): void {
    if (living.stopping !== null) {
      // One that is passivated while its shard goes is made again at the next home, if it is to be remembered.
      if (why === "moved") living.stopping = why;
      return;
    }
    living.stopping = why;
    this.#options.ctx.stop(living.ref, { deadlineMs: this.#options.setup.handOffMs });
  }
}
