/** Which nodes an event names, and the same without those that a smaller cluster lacks. */
import { isLinkBlow } from "./link-blow.ts";
import { isLoadAct, type ScheduledEvent } from "./schedule.ts";

/**
 * By index. Whoever led when it was recorded is not among them: he stands for whoever leads when it is done again, in a smaller cluster as well.
 */
export function namedNodes(event: ScheduledEvent): readonly number[] {
  return allNamed(event).filter((node) => node !== event.leader);
}

/** What of the events can be done with so many nodes; a direction that needs another one is left out, and an event that does as a whole. */
export function withinNodes(events: readonly ScheduledEvent[], nodes: number): readonly ScheduledEvent[] {
  const has = (node: number, { leader }: ScheduledEvent): boolean => node < nodes || node === leader;
  return events.flatMap((event): readonly ScheduledEvent[] => {
    if (namedNodes(event).every((node) => node < nodes)) return [event];
    if ("directions" in event) {
      const directions = event.directions.filter((ends) => ends.every((node) => has(node, event)));
      return directions.length === 0 ? [] : [{ ...event, directions }];
    }
    if (event.type === "reconnect-storm") {
      const left = event.nodes.filter((node) => has(node, event));
      return left.length === 0 ? [] : [{ ...event, nodes: left }];
    }
    if (event.type !== "heal-core") return [];
    const core = event.core.filter((node) => has(node, event));
    return core.length === 0 ? [] : [{ ...event, core }];
  });
}

function allNamed(event: ScheduledEvent): readonly number[] {
  if ("directions" in event) return event.directions.flat();
  if ("between" in event) return event.between;
  if (event.type === "heal-core") return event.core;
  if (isLinkBlow(event)) return event.nodes;
  return "node" in event && event.node !== null ? [event.node] : [];
}

/** The VM that it asks for, by number; null: none by itself. */
export function namedVm(event: ScheduledEvent): number | null {
  return isLoadAct(event) && event.type === "ask" ? event.vm : null;
}
