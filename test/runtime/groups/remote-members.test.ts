/** What is known of one other node: never goes back, never believes what was not asked for. */
import { expect, test } from "vitest";
import { Ref } from "../../../runtime/index.ts";
import { RemoteMembers } from "../../../runtime/groups/remote-members.ts";
import type { Membership, PeerMessage } from "../../../runtime/groups/receptionist-message.ts";

const refOf = (path: string): Ref<PeerMessage> => new Ref<PeerMessage>({ node: "n2", path }, { receive: () => {} });
const from = refOf("receptionist");
const list = (paths: readonly string[]): readonly Membership[] => paths.map((path) => ["key", path] as const);

function full(
  token: string,
  life: string,
  version: number,
  paths: string[],
): PeerMessage & { readonly type: "peer-full" } {
  return { type: "peer-full", from, token, life, version, members: list(paths) };
}

function delta(life: string, version: number, joined: string[]): PeerMessage & { readonly type: "peer-delta" } {
  return { type: "peer-delta", from, life, version, joined: list(joined), left: [] };
}

function linked(): RemoteMembers {
  const peer = new RemoteMembers(refOf);
  peer.pulled("t1");
  peer.full(full("t1", "life-1", 5, ["a"]));
  return peer;
}

const paths = (peer: RemoteMembers): string[] => [...peer.members("key")].map(({ path }) => path);

test("RemoteMembers applies the next version, ignores one that it has, and asks for the whole set at a gap", () => {
  const peer = linked();
  expect(peer.delta(delta("life-1", 6, ["b"])).type).toBe("changed");
  expect(peer.delta(delta("life-1", 6, ["c"])).type).toBe("ignored");
  expect(peer.delta(delta("life-1", 5, ["c"])).type).toBe("ignored");
  expect(peer.delta(delta("life-1", 8, ["d"])).type).toBe("pull");
  expect(peer.delta(delta("life-2", 7, ["e"])).type).toBe("pull");
  expect(paths(peer)).toEqual(["a", "b"]);
});

test("RemoteMembers believes the set that it asked for last, no earlier and no other one", () => {
  const peer = linked();
  expect(peer.full(full("t1", "life-1", 9, ["old"])).type).toBe("ignored");
  peer.pulled("t2");
  expect(peer.full(full("t1", "life-1", 9, ["old"])).type).toBe("ignored");
  expect(paths(peer)).toEqual(["a"]);
  expect(peer.full(full("t2", "life-2", 1, ["new"])).type).toBe("changed");
  expect(paths(peer)).toEqual(["new"]);
});

test("RemoteMembers takes no change while it waits for a set, which may be older than the change", () => {
  const peer = linked();
  peer.pulled("t2");
  expect(peer.delta(delta("life-1", 6, ["b"])).type).toBe("ignored");
  peer.full(full("t2", "life-1", 5, ["a"]));
  // The change is found missing, instead of being taken for known.
  expect(peer.delta(delta("life-1", 7, ["c"])).type).toBe("pull");
});

test("RemoteMembers names the groups that a whole set changes, and no others", () => {
  const peer = linked();
  peer.pulled("t2");
  expect(peer.full(full("t2", "life-1", 6, ["a"]))).toEqual({ type: "changed", keys: new Set() });
  peer.pulled("t3");
  expect(peer.full(full("t3", "life-1", 7, ["b"]))).toEqual({ type: "changed", keys: new Set(["key"]) });
});

test("RemoteMembers asks for the set when the other node's version is another than its own", () => {
  const peer = linked();
  const version = (life: string, at: number): string =>
    peer.version({ type: "peer-version", from, life, version: at }).type;
  expect([version("life-1", 5), version("life-1", 4), version("life-1", 6), version("life-2", 5)]).toEqual([
    "ignored",
    "ignored",
    "pull",
    "pull",
  ]);
});
