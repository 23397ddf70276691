/** The actors of one node: it takes part in transactions, and coordinates those that begin here. */
import type { ActorSystem } from "../../library/index.ts";
import { coordinator } from "./coordinator.ts";
import { decisions } from "./decisions.ts";
import { participant, type Participant } from "./participant.ts";

export interface NodeOptions {
  /** Whether a decision is durable before anybody is told of it. Default: true; the simulation shows what happens else. */
  readonly writesFirst?: boolean;
  /** Told of every durable state of the participant. */
  readonly onParticipant?: (node: string, state: Participant) => void;
}

export function startNode(system: ActorSystem, { writesFirst = true, onParticipant }: NodeOptions = {}): void {
  const { node } = system;
  const kept = system.spawn(decisions(node), { name: "decisions" });
  system.spawn(coordinator({ decisions: kept, writesFirst }), { name: "coordinator" });
  const onState = (state: Participant): void => onParticipant?.(node, state);
  system.spawn(participant({ node, onState }), { name: "participant" });
}
