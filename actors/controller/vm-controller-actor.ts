/**
 * The VM controller: has instances stopped that their VMs no longer want. Runs on the leader only.
 *
 * A VM that was changed is placed again by the scheduler, once its node has released the old instance; so a VM never has two. Those that are to stop
 * together stop in the order of `stop-order.ts`.
 */
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import type { CommandOf } from "../cluster/commands.ts";
import { MapMirror } from "../cluster/map-mirror.ts";
import type { ProposeReply, ReplicaRequest, WatchMessage } from "../cluster/replica-protocol.ts";
import { StopOrder } from "./stop-order.ts";
import { planStop } from "./stop-plan.ts";

export interface VmControllerOptions {
  readonly replica: Ref<ReplicaRequest>;
}

export type VmControllerMessage =
  | WatchMessage
  | { readonly type: "stop-answered"; readonly vm: string; readonly carriedOut: boolean }
  /** Time to look again at what could not be proposed. */
  | { readonly type: "look-due" };

const PROPOSE_MS = 2000;
const ASK_SLACK_MS = 500;

/** After a proposal without effect; what refused it is on its way here as a change, mostly before this. */
const RETRY_MS = 250;

export function vmControllerActor(options: VmControllerOptions): Behavior<VmController, VmControllerMessage> {
  return {
    name: "vm-controller",
    init: (ctx) => new VmController(options, ctx),
    receive: (controller, message) => {
      controller.handle(message);
      return controller;
    },
  };
}

class VmController {
  readonly #ctx: Context<VmControllerMessage>;
  readonly #replica: Ref<ReplicaRequest>;
  readonly #mirror: MapMirror;
  /** VMs about which a proposal is out. */
  readonly #asked = new Set<string>();
  readonly #order = new StopOrder();
  /** VMs that are to stop after others. */
  readonly #held = new Set<string>();

  constructor({ replica }: VmControllerOptions, ctx: Context<VmControllerMessage>) {
    this.#ctx = ctx;
    this.#replica = replica;
    this.#mirror = new MapMirror({ kinds: ["Vm"], replica });
    this.#mirror.subscribe(ctx, ctx.self);
  }

  handle(message: VmControllerMessage): void {
    switch (message.type) {
      case "synced":
        this.#mirror.take(message);
        this.#lookAt(this.#mirror.vms.keys());
        return;
      case "changes":
        this.#mirror.take(message);
        this.#lookAt(message.changes.map(({ resource }) => resource.metadata.name));
        return;
      case "compacted":
        this.#mirror.subscribe(this.#ctx, this.#ctx.self);
        return;
      case "stop-answered":
        this.#asked.delete(message.vm);
        if (message.carriedOut) this.#lookAt([message.vm]);
        else this.#ctx.setTimer("look", RETRY_MS, { type: "look-due" });
        return;
      case "look-due":
        this.#lookAt(this.#mirror.vms.keys());
        return;
      default:
        message satisfies never;
    }
  }

  #lookAt(names: Iterable<string>): void {
    let againMs = Infinity;
    for (const name of new Set([...names, ...this.#held])) {
      const vm = this.#mirror.vms.get(name);
      const command = vm === undefined || this.#asked.has(name) ? null : planStop(vm);
      const waitMs =
        vm === undefined || command === null ? 0 : this.#order.waitMs(vm, this.#mirror.vms.values(), this.#ctx.now());
      if (waitMs > 0) {
        this.#held.add(name);
        againMs = Math.min(againMs, waitMs);
        continue;
      }
      this.#held.delete(name);
      if (command !== null) this.#propose(command);
    }
    if (againMs < Infinity) this.#ctx.setTimer("held", againMs, { type: "look-due" });
    else this.#order.clear();
  }

  #propose(command: CommandOf<"stop-instance">): void {
    const { vm } = command;
    this.#asked.add(vm);
    this.#ctx.ask<ReplicaRequest, ProposeReply>(this.#replica, {
      make: (replyTo) => ({ type: "propose", command, timeoutMs: PROPOSE_MS, replyTo }),
      timeoutMs: PROPOSE_MS + ASK_SLACK_MS,
      adapt: (result) => {
        const carriedOut = result.ok && result.answer.ok && result.answer.outcome.ok;
        return { type: "stop-answered", vm, carriedOut };
      },
    });
  }
}
