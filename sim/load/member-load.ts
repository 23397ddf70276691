/** Who asks whole nodes for things: VMs as the seed draws them (`vm-load.ts`), or those of a scenario file (`../scenario-file/`). */
import type { Ref } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { ClientMessage } from "./client-actor.ts";

export interface MemberLoad {
  /** Requests so far. */
  readonly sent: number;
  attach(cluster: Cluster): void;
  /** The client that a new process has. */
  addClient(node: number, client: Ref<ClientMessage>): void;
  /** The process is gone, and its client with it. */
  onEnd(node: SimNode): void;
  /** `scheduled`: it asks when `perform` is told to. Default: by itself. */
  start(load?: Schedule["load"]): void;
  /** Does what was recorded. False when it is not possible now. Default: nothing is recorded, and nothing possible. */
  perform?(act: LoadAct): boolean;
  stop(): void;
  /** From now on these nodes only are asked. */
  keepTo(nodes: ReadonlySet<number>): void;
  /** A write that is sent again and again until one is answered. */
  probe(done: () => void): void;
}
