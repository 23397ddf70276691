/** The process that makes the load: opens its connections, then runs one job after the other for its parent, and ends with it. */
import { openEtcd } from "./etcd-load.ts";
import { openKv } from "./kv-load.ts";
import { fill, runLoad, type LoadConnection, type LoadJob, type LoadResult } from "./load.ts";

export type LoadOrder =
  | { readonly type: "open"; readonly system: "kv" | "etcd"; readonly address: string; readonly connections: number }
  | { readonly type: "fill" }
  | { readonly type: "run"; readonly job: LoadJob };

export type LoadAnswer =
  | { readonly type: "done"; readonly result: LoadResult | null }
  | { readonly type: "failed"; readonly message: string };

/** So many writes are under way while the keys are filled. */
const FILL_CLIENTS = 64;

let connections: LoadConnection[] = [];

async function obey(order: LoadOrder): Promise<LoadResult | null> {
  switch (order.type) {
    case "open": {
      const open = order.system === "kv" ? openKv : openEtcd;
      for (const connection of connections.splice(0)) connection.close();
      connections = await Promise.all(Array.from({ length: order.connections }, () => open(order.address)));
      return null;
    }
    case "fill":
      await fill(connections, FILL_CLIENTS);
      return null;
    case "run":
      return runLoad(connections, order.job);
    default:
      return order satisfies never;
  }
}

process.on("message", (order: LoadOrder) => {
  obey(order).then(
    (result) => process.send?.({ type: "done", result } satisfies LoadAnswer),
    (error: unknown) => process.send?.({ type: "failed", message: String(error) } satisfies LoadAnswer),
  );
});
process.once("disconnect", () => process.exit());
