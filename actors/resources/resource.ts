/** A resource is anything the replicated map holds. */
import type { Checkpoint } from "./checkpoint.ts";
import type { Event } from "./event.ts";
import type { Node } from "./node.ts";
import type { Vm } from "./vm.ts";

export type Resource = Vm | Node | Checkpoint | Event;
export type Kind = Resource["kind"];
export const KINDS: readonly Kind[] = ["Vm", "Node", "Checkpoint", "Event"];
