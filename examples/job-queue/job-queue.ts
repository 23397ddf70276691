/** A node of the queue: a worker, and a candidate for leading. */
import {
  startSingleton,
  stateless,
  type ActorSystem,
  type Address,
  type Ref,
  type Tenure,
} from "../../library/index.ts";
import { leader } from "./leader.ts";
import type { LeaderMessage, WorkerMessage } from "./messages.ts";

export interface NodeOptions {
  /** Nodes with a worker, in the same order at each. */
  readonly nodes: readonly string[];
  /** Where the shelf is. */
  readonly shelf: Address;
  /** A job was worked on. */
  readonly onWork?: (job: string) => void;
  /** This node leads. */
  readonly onLead?: (tenure: Tenure) => void;
}

/** Starts them in a system that has joined a cluster (`joinCluster`); returns whom to submit jobs to. */
export function startQueue(system: ActorSystem, options: NodeOptions): Ref<LeaderMessage> {
  const { nodes, shelf, onWork, onLead } = options;
  const worker = stateless<WorkerMessage>("worker", ({ job, replyTo }, ctx) => {
    onWork?.(job);
    ctx.tell(replyTo, { type: "worked", job });
  });
  system.spawn(worker, { name: "worker" });
  const { ref } = startSingleton<unknown, LeaderMessage>(system, {
    name: "queue",
    make: (tenure) => {
      onLead?.(tenure);
      return leader({ tenure, shelf, workers: nodes });
    },
  });
  return ref;
}
