/** Whether what an event of a file names is there in its run: what nobody has is struck by nothing, and a replay of it would say nothing. */
import { namedNodes, namedVm } from "../schedule/named-nodes.ts";
import type { Schedule, ScheduledEvent } from "../schedule/schedule.ts";

/** What there is in a run. */
export interface RunNames {
  readonly nodes: number;
  /** That its requests are about. */
  readonly vms: number;
}

/** What is wrong with the first event that names what is not there, and where it stands; null: none does. */
export function checkNames({ events, ending = [] }: Schedule, names: RunNames): string | null {
  return firstUnknown(events, "event", names) ?? firstUnknown(ending, "event of the end", names);
}

function firstUnknown(events: readonly ScheduledEvent[], what: string, { nodes, vms }: RunNames): string | null {
  for (const [at, event] of events.entries()) {
    const node = namedNodes(event).find((one) => one >= nodes);
    const vm = namedVm(event);
    const where = `${what} ${at + 1} of ${events.length} (${event.type})`;
    if (node !== undefined) return `${where} names node ${node}, and this run has ${listed("node", nodes)}`;
    if (vm !== null && vm >= vms) return `${where} names VM ${vm}, and this run has ${listed("VM", vms)}`;
  }
  return null;
}

function listed(what: string, count: number): string {
  if (count === 0) return `no ${what}s`;
  return count === 1 ? `${what} 0 alone` : `${what}s 0 to ${count - 1}`;
}
