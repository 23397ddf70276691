/** What is asked of consensus with a few registers on it when it has lost a quorum, and how it is brought back (`../run/quorum-loss.ts`). */
import { encodeTime } from "../../actors/raft/machine/machine-entry.ts";
import type { MachineReplies, MachineRequest } from "../../actors/raft/machine/index.ts";
import { jsonCodec } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { askAt } from "../load/door-actor.ts";
import type { Operator } from "../load/operator.ts";
import type { RegisterCommand } from "../load/register-machine.ts";
import type { AfterLoss } from "./scenario.ts";

const TIMEOUT_MS = 2000;

/** No client has it. */
const KEY = "left";

export class RegistersAfterLoss implements AfterLoss {
  readonly forget: (through: number) => void;
  readonly #cluster: Cluster;
  readonly #operator: Operator;
  /** Those of clients count upwards. */
  #operation = 0;

  constructor(cluster: Cluster, operator: Operator, forget: (through: number) => void) {
    this.#cluster = cluster;
    this.#operator = operator;
    this.forget = forget;
  }

  begin(): void {
    this.#operator.rest();
  }

  ask(node: SimNode, how: "read" | "write", done: (answer: string) => void): void {
    this.#operation -= 1;
    const id = -this.#operation;
    const input = { type: "put", value: `left ${id}` } as const;
    const command: RegisterCommand = { operation: this.#operation, key: KEY, input };
    const isAsked = askAt<MachineRequest, MachineReplies>(node, "machine", {
      make: (replyTo) =>
        how === "read"
          ? {
              ...{ type: "query", queries: [{ id, bytes: jsonCodec.encode(KEY) }], consistency: "linearizable" },
              ...{ timeoutMs: TIMEOUT_MS, replyTo },
            }
          : {
              ...{ type: "execute", commands: [{ id, bytes: jsonCodec.encode(command) }] },
              ...{ timeoutMs: TIMEOUT_MS, elsewhere: "forward", replyTo },
            },
      timeoutMs: 2 * TIMEOUT_MS,
      done: (replies) => {
        const reply = replies?.replies[0];
        done(reply === undefined ? "no answer" : reply.ok ? "ok" : reply.code);
      },
    });
    if (!isAsked) done("no process");
  }

  note(): Uint8Array {
    return encodeTime(0);
  }

  grow(): void {
    const { raft, nodes } = this.#cluster;
    const configuration = raft.configurations.committed?.configuration;
    if (configuration === undefined) return;
    this.#operator.resume();
    const [learner] = configuration.learners;
    const promoted = learner === undefined ? undefined : raft.nodeOf(learner);
    const members = new Set([...configuration.voters, ...configuration.learners].map((member) => raft.nodeOf(member)));
    const added = nodes.find(({ index, disk }) => !members.has(index) && disk.platter.identity !== null)?.index;
    const node = promoted ?? added;
    if (node === undefined) return;
    this.#operation -= 1;
    const change = promoted === undefined ? "add-learner" : "promote";
    this.#operator.perform({ type: "change", change, node, chance: -this.#operation });
  }
}
