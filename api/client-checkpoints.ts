/** The part of the client (`client.ts`) that speaks of checkpoints. */
import type { Checkpoint } from "../actors/index.ts";
import { jsonOf, type Connection } from "./client-connection.ts";

export interface CheckpointWrites {
  /** Has one made of a running VM; `status.phase` says when it is Ready. @throws {ApiError} `conflict`, `already-exists`, `invalid`. */
  create(request: {
    readonly name: string;
    readonly vm: string;
    readonly labels?: Readonly<Record<string, string>>;
  }): Promise<Checkpoint>;
  /** The checkpoint while its node removes it, null when it is gone. @throws {ApiError} `not-found`, `conflict` while a VM is started from it. */
  delete(name: string): Promise<Checkpoint | null>;
}

export function checkpointWrites(connection: Connection): CheckpointWrites {
  return {
    create: async ({ vm, ...body }) => {
      const path = `/vms/${encodeURIComponent(vm)}/checkpoint`;
      return jsonOf(await connection.send({ method: "POST", path, body }));
    },
    delete: async (name) => {
      const response = await connection.send({ method: "DELETE", path: `/checkpoints/${encodeURIComponent(name)}` });
      return response.status === 204 ? null : jsonOf<Checkpoint>(response);
    },
  };
}
