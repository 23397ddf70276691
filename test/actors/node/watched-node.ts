/** A NodeActor between a hypervisor and a replica that both say what the test wants. */
import { onTestFinished } from "vitest";
import { NODE_SPAWN_OPTIONS, nodeActor } from "../../../actors/node/node-actor.ts";
import type {
  Checkpoint,
  Command,
  Outcome,
  ProposeReply,
  ReplicaRequest,
  Vm,
  WatchMessage,
} from "../../../actors/index.ts";
import { ActorSystem, stateless, type Ref } from "../../../runtime/index.ts";
import { createManualWorld } from "../../../runtime/testkit/index.ts";
import { nodeSpec } from "../cluster/sample-map.ts";
import { createScriptedHypervisor, type ScriptedHypervisor } from "../vm/scripted-hypervisor.ts";

export type Answer = "done" | "refused" | "nobody";

export interface WatchedNode {
  readonly hypervisor: ScriptedHypervisor;
  /** Calls since the last time, renewals of guards left out. */
  calls(): string[];
  /** Answers the oldest proposal of that type. */
  answer(type: Command["type"], answer?: Answer): Command;
  proposed(type: Command["type"]): number;
  /** The map changes to these. */
  show(...resources: readonly (Vm | Checkpoint)[]): void;
  advance(ms: number): void;
}

/** Node n1, registered at 5, until the test is finished. */
export function watchedNode(): WatchedNode {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor({});
  const proposals: { readonly command: Command; reply(reply: ProposeReply): void }[] = [];
  let subscriber: Ref<WatchMessage> | undefined;
  let version = 5;
  const made = ActorSystem.create({ node: "n1", world });
  onTestFinished(() => made.stop());
  const replica = made.spawn(
    stateless<ReplicaRequest>("replica", (request, ctx) => {
      if (request.type === "subscribe") subscriber = request.subscriber;
      if (request.type !== "propose") return;
      proposals.push({ command: request.command, reply: (reply) => ctx.tell(request.replyTo, reply) });
    }),
  );
  const about = { name: "n1", spec: nodeSpec(), prober: { probe: () => undefined }, logger: { log: () => undefined } };
  const lease = { leaseMs: 2_000_000, renewMs: 1_900_000 };
  made.spawn(nodeActor({ ...about, hypervisor, replica, lease }), NODE_SPAWN_OPTIONS);
  world.settle();
  const answer = (type: Command["type"], how: Answer = "done"): Command => {
    world.settle();
    const at = proposals.findIndex(({ command }) => command.type === type);
    const found = proposals.splice(at, 1)[0];
    if (at < 0 || found === undefined) throw new Error(`no ${type} was proposed`);
    const refusal: Outcome = { ok: false, version: 5, code: "stale", message: "it is over" };
    const outcome: Outcome = how === "done" ? { ok: true, version: 5, changed: true, resource: null } : refusal;
    found.reply(how === "nobody" ? { ok: false, code: "no-leader", message: "there is none" } : { ok: true, outcome });
    world.settle();
    return found.command;
  };
  answer("register-node");
  hypervisor.calls.splice(0);
  return {
    hypervisor,
    answer,
    proposed: (type) => {
      world.settle();
      return proposals.filter(({ command }) => command.type === type).length;
    },
    calls: () => {
      world.settle();
      return hypervisor.calls.splice(0);
    },
    show: (...resources) => {
      version += 1;
      made.tell(subscriber!, { type: "synced", version, resources });
      world.settle();
    },
    advance: (ms) => {
      world.advance(ms);
      world.settle();
    },
  };
}
