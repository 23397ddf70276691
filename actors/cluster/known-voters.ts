/**
 * Which nodes vote, as this node knows it: those that it was started with, until a configuration is in force.
 *
 * One object for all of this node that only want to know whether a majority is there for them. It decides nothing that the cluster
 * must agree on; quorums are Raft's own.
 */
import type { Configuration } from "../raft/core/configuration.ts";
import { nodeOf } from "../raft/member-id.ts";

export class KnownVoters {
  #halves: readonly (readonly string[])[];

  /** @param members Names of the nodes that the cluster is made of at first. */
  constructor(members: readonly string[]) {
    this.#halves = [members];
  }

  /** Names, each once. A node whose disk was replaced has two members for a while, and counts as one. */
  get names(): readonly string[] {
    return [...new Set(this.#halves.flat())].toSorted();
  }

  /** Without voters nothing is known yet, and nothing changes. */
  follow({ voters, votersOutgoing }: Configuration): void {
    if (voters.length === 0) return;
    const halves = votersOutgoing.length === 0 ? [voters] : [voters, votersOutgoing];
    this.#halves = halves.map((half) => [...new Set(half.map(nodeOf))]);
  }

  /** Whether those that are there are a majority; while a change is under way, of either half. */
  isMajority(isThere: (node: string) => boolean): boolean {
    return this.#halves.every((half) => 2 * half.filter(isThere).length > half.length);
  }
}
