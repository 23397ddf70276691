/** What the list of members says beyond what its leader knows. */
import { expect, test } from "vitest";
import type { ReplicaStatus } from "../../actors/index.ts";
import { memberList } from "../../api/member-views.ts";
import { memberEntry, replicating } from "./stand-in-members.ts";

/** Three voters; which of them keep leases, null: it does not answer. */
function messages(leases: readonly (boolean | null)[]): readonly string[] {
  const nodes = ["n1", "n2", "n3"];
  const status = (node: string, leaseReads: boolean): ReplicaStatus => ({
    ...{
      node,
      role: node === "n1" ? "leader" : "follower",
      leader: "n1",
      term: 1,
      commit: 9,
      applied: 9,
      lastIndex: 9,
    },
    ...{
      storeError: "",
      level: 2,
      member: `${node}@1`,
      configuration: null,
      readOnly: false,
      recovering: false,
      base: 0,
    },
    ...{ transferringTo: null, cluster: "c", membership: "member", waiting: [], snapshotIndex: 0, snapshotBytes: 0 },
    members: nodes.map((name) => memberEntry(name, "voter", replicating(9))),
    preferences: { priority: 0, leaseReads },
  });
  const told = nodes.flatMap((node, at) => {
    const keeps = leases[at] ?? null;
    return keeps === null ? [] : [[node, status(node, keeps)] as const];
  });
  const view = status("n1", leases[0] ?? false);
  const { items } = memberList({ view, told: new Map(told), addressOf: () => undefined });
  return items.map(({ message }) => message);
}

test("memberList() tells voters that keep no leases when others do", () => {
  expect(messages([false, false, false])).toEqual(["", "", ""]);
  expect(messages([true, true, true])).toEqual(["", "", ""]);
  const says = (who: string): string =>
    `keeps no leases for reads, and ${who}: start all voters with the same --lease-reads`;
  expect(messages([true, false, false])).toEqual(["", says("n1 does"), says("n1 does")]);
  expect(messages([true, true, false])).toEqual(["", "", says("n1, n2 do")]);
});

test("memberList() says nothing of the leases of a node that does not answer", () => {
  expect(messages([true, true, null])).toEqual(["", "", ""]);
});
