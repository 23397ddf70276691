/** The part of the API that serves a kind of resource, where the kind is only known at run time. */
import type { Kind, Resource } from "../actors/index.ts";
import type { ApiClient, Collection } from "../api/index.ts";

export function collectionOf({ vms, nodes, checkpoints, events }: ApiClient, kind: Kind): Collection<Resource> {
  return { Vm: vms, Node: nodes, Checkpoint: checkpoints, Event: events }[kind];
}
