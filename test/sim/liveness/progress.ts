/**
 * What it means that a cluster goes on: whoever leads is given a text again and again, until one is applied; and that elections have ended:
 * no member's term moves any more.
 */
import type { RaftCluster } from "../../actors/raft/raft-cluster.ts";

/** How often a text is proposed while progress is waited for, in milliseconds. */
const EVERY_MS = 50;

/** Entries among which one that was just proposed is looked for. */
const LATEST = 100;

/**
 * Milliseconds of virtual time until something that was proposed from now on is applied at `at`; at anybody by default.
 * @throws {Error} when nothing is within `withinMs`: who leads which term is in the message.
 */
export function progresses(cluster: RaftCluster, withinMs: number, at?: string): number {
  const began = `progress-${cluster.nowMs}-`;
  const watched = at === undefined ? [...cluster.nodes.keys()] : [at];
  const isApplied = (name: string): boolean =>
    cluster
      .node(name)
      .applied.slice(-LATEST)
      .some(({ payload }) => new TextDecoder().decode(payload).startsWith(began));
  for (let passedMs = 0; passedMs < withinMs; passedMs += EVERY_MS) {
    for (const name of leaders(cluster)) cluster.propose(name, `${began}${passedMs}`);
    cluster.run(EVERY_MS);
    if (watched.some((name) => cluster.node(name).core !== null && isApplied(name))) return passedMs + EVERY_MS;
  }
  throw new Error(`Nothing is committed within ${withinMs} ms: ${describe(cluster)}`);
}

/** The highest term that anybody is in. */
export function highestTerm(cluster: RaftCluster): number {
  return Math.max(...up(cluster).map((name) => cluster.core(name).status().term));
}

/** Whoever believes to lead. */
function leaders(cluster: RaftCluster): readonly string[] {
  return up(cluster).filter((name) => cluster.core(name).isLeader);
}

function up(cluster: RaftCluster): readonly string[] {
  return [...cluster.nodes.keys()].filter((name) => cluster.node(name).core !== null);
}

function describe(cluster: RaftCluster): string {
  return up(cluster)
    .map((name) => {
      const { role, term, lastIndex, lastTerm } = cluster.core(name).status();
      return `${name} is ${role} of term ${term}, its log ends with ${lastIndex}/${lastTerm}`;
    })
    .join("; ");
}
