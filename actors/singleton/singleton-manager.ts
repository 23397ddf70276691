/**
 * The manager of a singleton on one candidate node: competes for its lease, and has the one child that acts while it
 * holds it.
 *
 *     waiting ──granted──▶ holding ──yield, leave──▶ stopping (drains) ──ended──▶ released ──▶ waiting
 *                             └──── lost ──▶ stopping (at once) ──ended──▶ given back ──┘
 *
 * The child has ended before the lease is given back, and never acts under a tenure that is over (`guarded`). One that
 * ends by itself, or that supervision gives up, goes to another node: here it is made again at the earliest after a pause.
 */
import type { AnyRef, Behavior, Context, MailboxOptions, Ref, SpawnOptions, Supervision } from "../../runtime/index.ts";
import type { CoordinatorRequest } from "../coordination/coordinator-protocol.ts";
import { guardedLazily } from "../coordination/guarded.ts";
import { RouteBuffer } from "../coordination/route-buffer.ts";
import type { Tenure } from "../coordination/tenure.ts";
import {
  isManagerMessage,
  managerPath,
  proxyPath,
  type Returned,
  type SingletonLeft,
  type SingletonManagerMessage,
} from "./singleton-protocol.ts";

export interface SingletonManagerOptions<State, Message> {
  /** Of the singleton, and of its lease: the same at every node. */
  readonly name: string;
  readonly coordinator: Ref<CoordinatorRequest>;
  /** Makes what acts, once for each time that this node holds the lease. Effects carry `tenure.fence` (`fenced`). */
  make(tenure: Tenure): Behavior<State, Message>;
  /** Asked for each message that comes through a proxy; what it refuses is a dead letter. Default: all are taken. */
  accepts?(message: unknown): message is Message;
  /** Of the child. Default: restart; past its intensity the singleton goes to another node. */
  readonly supervision?: Supervision;
  /** Of the child. */
  readonly mailbox?: MailboxOptions;
  /** How long the child gets for what waits when it is stopped on purpose, in milliseconds. Default: 5,000. */
  readonly handOverMs?: number;
  /** Messages that wait here for a lease which the sender's node saw granted first. Default: 1,000. */
  readonly bufferMax?: number;
}

const HAND_OVER_MS = 5000;

/** Messages that wait for a holder on one node, past which they are dead letters: seconds of a busy one, some 1 MB. */
export const SINGLETON_BUFFER_MAX = 1000;

/** A node that gave the singleton up of its own accord competes again after this, so that another one gets it. */
const CLAIM_AGAIN_MS = 1000;

/**
 * How long a node that leaves goes on handing back what others send it: until they know that it holds nothing, which they learn
 * with the next heartbeat of the log's leader (100 ms), that node perhaps. Three of them, since one may be late.
 */
const LINGER_MS = 300;

/** Never muted by its child: it must hear in time that the lease is lost. */
export function managerSpawnOptions(name: string): SpawnOptions {
  return { name: managerPath(name), supervision: { onCrash: "restart" }, onPressure: "ignore" };
}

export function singletonManager<State, Message>(
  options: SingletonManagerOptions<State, Message>,
): Behavior<SingletonManager<State, Message>, SingletonManagerMessage> {
  return {
    name: "singleton-manager",
    accepts: isManagerMessage,
    init: (ctx) => new SingletonManager(options, ctx),
    receive: (manager, message) => {
      manager.handle(message);
      return manager;
    },
    onSignal: (manager, signal) => {
      if (signal.type === "terminated") manager.ended(signal.ref);
      return manager;
    },
  };
}

/** The child and the right by which it acts. */
interface Acting<Message> {
  readonly tenure: Tenure;
  readonly ref: Ref<Message>;
}

/** What is to happen when the child has ended. */
type Next =
  | { readonly type: "give-back" }
  | { readonly type: "yield"; readonly to: string | null }
  | { readonly type: "leave" };

class SingletonManager<State, Message> {
  readonly #options: SingletonManagerOptions<State, Message>;
  readonly #ctx: Context<SingletonManagerMessage>;
  /** By fence: messages for a lease that this node has not heard of yet. */
  readonly #early: RouteBuffer<number, unknown>;
  #acting: Acting<Message> | null = null;
  #next: Next | null = null;
  /** Who waits for this node to be no candidate. */
  readonly #leavers: Ref<SingletonLeft>[] = [];
  /** Newest fence that was granted here. */
  #newest = 0;
  #isLeaving = false;

  constructor(options: SingletonManagerOptions<State, Message>, ctx: Context<SingletonManagerMessage>) {
    this.#options = options;
    this.#ctx = ctx;
    this.#early = new RouteBuffer(options.bufferMax ?? SINGLETON_BUFFER_MAX);
    this.#claim();
  }

  handle(message: SingletonManagerMessage): void {
    switch (message.type) {
      case "lease-granted":
        this.#start(message.tenure);
        return;
      case "lease-lost":
        this.#lose(message.fence);
        return;
      case "lease-dropped":
        if (this.#leavers.length > 0) this.#ctx.setTimer("left", LINGER_MS, { type: "left-due" });
        return;
      case "left-due":
        for (const leaver of this.#leavers.splice(0)) this.#ctx.tell(leaver, { type: "left" });
        return;
      case "lease-refused":
        throw new Error(message.message);
      case "deliver":
        this.#deliver(message.fence, message.message);
        return;
      case "yield":
        if (this.#acting !== null) this.#stop({ type: "yield", to: message.to });
        return;
      case "leave":
        this.#leave(message.replyTo);
        return;
      case "claim-due":
        this.#claim();
        return;
      default:
        message satisfies never;
    }
  }

  /** The child has ended, wanted or not. */
  ended(ref: AnyRef): void {
    const acting = this.#acting;
    if (acting === null || ref.path !== acting.ref.path) return;
    const next = this.#next ?? { type: "yield", to: null };
    this.#acting = null;
    this.#next = null;
    const { fence } = acting.tenure;
    if (next.type === "give-back" || (next.type === "yield" && next.to !== null)) {
      const to = next.type === "yield" ? next.to : null;
      this.#tell({ type: "release-lease", name: this.#options.name, holder: this.#ctx.self, fence, to });
      return;
    }
    this.#drop();
    if (next.type === "yield") this.#ctx.setTimer("claim", CLAIM_AGAIN_MS, { type: "claim-due" });
  }

  #start(tenure: Tenure): void {
    // Granted before the coordinator heard that the claim is dropped: it ends the tenure and gives the lease up by itself.
    if (this.#isLeaving) return;
    const options = this.#options;
    const { name, supervision, mailbox } = options;
    this.#newest = tenure.fence;
    const ref = this.#ctx.spawn(
      guardedLazily(name, tenure, () => options.make(tenure)),
      {
        name: `instance-${tenure.fence}`,
        supervision: supervision ?? { onCrash: "restart" },
        ...(mailbox && { mailbox }),
      },
    );
    this.#ctx.watch(ref);
    this.#acting = { tenure, ref };
    for (const fence of this.#early.destinations()) {
      for (const message of this.#early.take(fence)) this.#deliver(fence, message);
    }
  }

  #lose(fence: number): void {
    const acting = this.#acting;
    if (acting?.tenure.fence !== fence) return;
    // One that was to leave leaves; a lease that is lost can be given to nobody.
    if (this.#next?.type !== "leave") this.#next = { type: "give-back" };
    this.#ctx.stop(acting.ref);
  }

  #stop(next: Next): void {
    if (this.#acting === null || this.#next !== null) return;
    this.#next = next;
    this.#ctx.stop(this.#acting.ref, { deadlineMs: this.#options.handOverMs ?? HAND_OVER_MS });
  }

  #leave(replyTo: Ref<SingletonLeft>): void {
    this.#isLeaving = true;
    this.#leavers.push(replyTo);
    this.#ctx.cancelTimer("claim");
    if (this.#acting === null) this.#drop();
    else if (this.#next === null) this.#stop({ type: "leave" });
    else this.#next = { type: "leave" };
  }

  #deliver(fence: number, message: unknown): void {
    const acting = this.#acting;
    const { name } = this.#options;
    if (acting?.tenure.fence === fence && this.#next === null) {
      if (this.#accepts(message)) this.#ctx.tell(acting.ref, message);
      else this.#refuse("wrong-type", message);
      return;
    }
    if (fence > this.#newest) {
      if (!this.#early.push(fence, message)) this.#refuse("buffer-full", message);
      return;
    }
    const proxy = this.#ctx.refAt<Returned>({ node: this.#ctx.node, path: `${proxyPath(name)}/returned` });
    this.#ctx.tell(proxy, { fence, message });
  }

  /** A check that throws has not accepted; the child must not end for it. */
  #accepts(message: unknown): message is Message {
    try {
      return this.#options.accepts?.(message) ?? true;
    } catch {
      return false;
    }
  }

  #claim(): void {
    this.#tell({ type: "claim-lease", name: this.#options.name, holder: this.#ctx.self });
  }

  #drop(): void {
    this.#tell({ type: "drop-claim", name: this.#options.name, holder: this.#ctx.self });
  }

  /** To a place where nobody is: it becomes a dead letter that says why. */
  #refuse(why: string, message: unknown): void {
    this.#ctx.tell(this.#ctx.refAt({ node: this.#ctx.node, path: `${this.#ctx.self.path}/${why}` }), message);
  }

  #tell(request: CoordinatorRequest): void {
    this.#ctx.tell(this.#options.coordinator, request);
  }
}
