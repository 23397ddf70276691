/**
 * Ids of members: `NAME@INCARNATION`. The name is a node's, and may come back with another disk; the incarnation is drawn when
 * a node finds its disk empty, and goes with that disk. So who lost what it had acknowledged can never act as the one
 * who had acknowledged it (fault 33). To consensus an id is opaque; only the host takes it apart.
 */
import type { Random } from "../../runtime/ports/random.ts";

const SEPARATOR = "@";

/** An id for a node whose disk is empty: 64 random bits, so that no two disks ever have the same. */
export function mintMemberId(node: string, random: Random): string {
  return `${node}${SEPARATOR}${randomName(random)}`;
}

/** An id for a cluster that is formed. */
export function mintClusterId(random: Random): string {
  return randomName(random);
}

/** The name of the node that a member runs on; of an id without incarnation, the id. */
export function nodeOf(member: string): string {
  const at = member.lastIndexOf(SEPARATOR);
  return at < 0 ? member : member.slice(0, at);
}

/** Whether a member is one of that node's. */
export function isOfNode(member: string, node: string): boolean {
  if (!member.startsWith(node)) return false;
  return member.length === node.length || member.lastIndexOf(SEPARATOR) === node.length;
}

/** Which of the disks that a node has had; empty for an id without one. */
export function incarnationOf(member: string): string {
  const at = member.lastIndexOf(SEPARATOR);
  return at < 0 ? "" : member.slice(at + 1);
}

function randomName(random: Random): string {
  return [0, 1]
    .map(() =>
      random
        .integer(2 ** 32)
        .toString(36)
        .padStart(7, "0"),
    )
    .join("");
}
