/** Who belongs to the cluster and who leads it, over HTTP: what is answered, what is refused and in which words. */
import { expect, onTestFinished, test } from "vitest";
import { checkSchema, type ChangeMembershipReply } from "../../actors/index.ts";
import { MemberList, MembershipChanged, SnapshotMade, Transferred } from "../../api/member-wire.ts";
import { createWsRemoting, type WsRemoting } from "../../transport/node/index.ts";
import { freePorts, wsOptions } from "../transport/node/ws-cluster.ts";
import { send, serveApi, type Answer, type ServedApi } from "./api-fixture.ts";
import { memberEntry, replicating } from "./stand-in-members.ts";

const MEMBERS = "/api/v1/cluster/members";

/** Three voters, of which this node leads and `silent` do not answer. */
async function serveThree({ silent = 0 } = {}): Promise<ServedApi> {
  const api = await serveApi({ node: "n1", limits: { peerMs: 50, writeMs: 200, joinMs: 100 } });
  const heard = (at: number) => (at < silent ? { ...replicating(3), heardAgoMs: 60_000 } : replicating(5));
  api.replica.cluster.members = [
    memberEntry("n1", "voter"),
    ...["n2", "n3"].map((node, at) => memberEntry(node, "voter", heard(at))),
  ];
  api.replica.cluster.status = { lastIndex: 9 };
  return api;
}

function refusalOf({ status, body }: Answer): readonly unknown[] {
  return [status, body.error.code, body.error.message];
}

test("GET /cluster/members says who is how far and how many more may be lost", async () => {
  const api = await serveThree({ silent: 1 });
  const { status, body } = await send(api.url, "GET", MEMBERS);
  expect(status).toBe(200);
  expect(checkSchema(MemberList, body)).toEqual([]);
  expect(body).toMatchObject({ leader: "n1", quorum: { voters: 3, needed: 2, serving: 2, spare: 0 } });
  expect(body.items).toMatchObject([
    { member: "n1@1", role: "voter", state: "leading", match: 9, lag: 0, heardAgoMs: null, message: "" },
    { member: "n2@1", state: "unreachable", match: 3, lag: 6, message: 'node "n2" does not answer' },
    { member: "n3@1", state: "replicate", match: 5, lag: 4, heardAgoMs: 12 },
  ]);
});

test("a member's own word about itself goes before what the leader knows", async () => {
  const api = await serveApi({ node: "n1" });
  const stateFor = async (said: object): Promise<string> => {
    api.replica.cluster.status = said;
    const { body } = await send(api.url, "GET", MEMBERS);
    return `${body.items[0].state}: ${body.items[0].message}`;
  };
  expect(await stateFor({ readOnly: true })).toBe("read-only: its disk has no room; free space, and it goes on");
  expect(await stateFor({ recovering: true })).toMatch(/^recovering: damage was found/);
  expect(await stateFor({ storeError: "the disk is gone", readOnly: true })).toBe("failed: the disk is gone");
  expect(await stateFor({ member: "n1@2" })).toBe(
    'lost: node "n1" came back without its disk, as "n1@2": blixard cluster add n1, then blixard cluster remove n1@1',
  );
});

test("promote, demote and remove take a node's name or a member's id, and say when they are done", async () => {
  const api = await serveThree();
  const { cluster } = api.replica;
  cluster.members = [...cluster.members, memberEntry("n4", "learner", replicating(9))];
  const { body } = await send(api.url, "POST", `${MEMBERS}/n4/promote`);
  expect(checkSchema(MembershipChanged, body)).toEqual([]);
  expect(body).toEqual({ change: "promote", member: "n4@1", index: 1, done: true });
  expect((await send(api.url, "POST", `${MEMBERS}/n4@1/demote`)).body.change).toBe("demote");
  expect((await send(api.url, "DELETE", `${MEMBERS}/n4`)).body).toMatchObject({ change: "remove", done: true });
  expect(cluster.changes).toEqual(["promote n4@1", "demote n4@1", "remove n4@1"]);
});

test("a change that is not committed in time is answered as not done", async () => {
  const api = await serveThree();
  api.replica.cluster.status = { configuration: { index: 1, committed: true, joint: true } };
  expect((await send(api.url, "DELETE", `${MEMBERS}/n3`)).body).toMatchObject({ done: false });
});

test("a name that is no member's is refused with the names that are; one of two members by both ids", async () => {
  const api = await serveThree();
  expect(refusalOf(await send(api.url, "POST", `${MEMBERS}/n9/promote`))).toEqual([
    404,
    "not-a-member",
    'Cannot promote "n9": it is no member; members are n1@1, n2@1, n3@1',
  ]);
  api.replica.cluster.members = [...api.replica.cluster.members, { ...memberEntry("n2", "learner"), member: "n2@2" }];
  expect(refusalOf(await send(api.url, "DELETE", `${MEMBERS}/n2`))).toEqual([
    409,
    "ambiguous-member",
    'Cannot remove "n2": node "n2" has the members "n2@1" and "n2@2"; name one of them',
  ]);
  expect((await send(api.url, "DELETE", `${MEMBERS}/n2@2`)).status).toBe(200);
  expect(api.replica.cluster.changes).toEqual(["remove n2@2"]);
});

test("a removal that too few would survive is refused with the numbers, unless it is forced", async () => {
  const api = await serveThree({ silent: 1 });
  expect(refusalOf(await send(api.url, "DELETE", `${MEMBERS}/n3`))).toEqual([
    409,
    "quorum-at-risk",
    'Cannot remove member "n3@1": of the 2 voters left only 1 serves, and 2 are needed; ' +
      "bring one back, or remove one that does not serve instead",
  ]);
  expect((await send(api.url, "DELETE", `${MEMBERS}/n3?force=true`)).status).toBe(200);
  expect(api.replica.cluster.changes).toEqual(["remove n3@1"]);
});

test("the one that is gone may be removed; the last voter never, by force neither", async () => {
  const api = await serveThree({ silent: 1 });
  expect((await send(api.url, "DELETE", `${MEMBERS}/n2`)).status).toBe(200);
  api.replica.cluster.members = [memberEntry("n1", "voter")];
  for (const query of ["", "?force=true"]) {
    expect((await send(api.url, "DELETE", `${MEMBERS}/n1${query}`)).body.error.code).toBe("last-voter");
  }
});

test.each([
  ["not-leader", 503, "no-leader"],
  ["change-under-way", 409, "change-under-way"],
  ["term-not-committed", 503, "not-ready"],
  ["already-a-member", 409, "already-a-member"],
  ["not-caught-up", 409, "not-caught-up"],
  ["last-voter", 409, "last-voter"],
  ["overloaded", 503, "overloaded"],
] as const)("what the leader refuses as %s is answered as %i %s, and as not applied", async (given, status, code) => {
  const api = await serveThree();
  const refusal: ChangeMembershipReply = { ok: false, code: given, message: "Not now", leader: null };
  api.replica.cluster.changeRefusal = refusal;
  const answer = await send(api.url, "POST", `${MEMBERS}/n2/promote`);
  expect(refusalOf(answer)).toEqual([status, code, "Not now"]);
  expect(answer.body.error.details.fate).toBe("not-applied");
});

test("POST /cluster/transfer names who led and who leads", async () => {
  const api = await serveThree();
  const { body } = await send(api.url, "POST", "/api/v1/cluster/transfer", {});
  expect(checkSchema(Transferred, body)).toEqual([]);
  expect(body).toEqual({ from: "n1", to: "n1", done: true });
  api.replica.cluster.transferReply = { ok: true, to: "n2@1" };
  const late = await send(api.url, "POST", "/api/v1/cluster/transfer", { to: "n2", force: true });
  expect(late.body).toEqual({ from: "n1", to: "n2", done: false });
  api.replica.cluster.transferReply = { ok: false, code: "not-a-voter", message: "No voter", leader: null };
  expect((await send(api.url, "POST", "/api/v1/cluster/transfer", {})).status).toBe(409);
  expect((await send(api.url, "POST", "/api/v1/cluster/transfer", { to: "n9" })).body.error.code).toBe("not-a-member");
});

test("POST /cluster/snapshot and compact say how far, how large and what was freed", async () => {
  const api = await serveThree();
  api.replica.cluster.status = { base: 7 };
  for (const path of ["snapshot", "compact"]) {
    const { status, body } = await send(api.url, "POST", `/api/v1/cluster/${path}`, {});
    expect(status).toBe(200);
    expect(checkSchema(SnapshotMade, body)).toEqual([]);
    expect(body).toEqual({ node: "n1", index: 7, sizeBytes: 1234, base: 7, freedEntries: 0 });
  }
  const gone = await send(api.url, "POST", "/api/v1/cluster/snapshot", { node: "n9" });
  expect(refusalOf(gone)).toEqual([502, "node-unreachable", 'Cannot make a snapshot of node "n9": it does not answer']);
  api.replica.cluster.snapshotReply = { ok: false, code: "snapshot-under-way", message: "One is under way" };
  expect((await send(api.url, "POST", "/api/v1/cluster/snapshot", {})).status).toBe(409);
});

test.each([
  [{}, "name"],
  [{ name: "N4" }, "name"],
  [{ name: "n4", address: "10.0.0.4" }, "address"],
  [{ name: "n4", address: "http://10.0.0.4:7101" }, "address"],
  [{ name: "n4", adress: "10.0.0.4:7101" }, "adress"],
  [{ name: 4 }, "name"],
])("POST /cluster/members refuses %j by its field", async (body, field) => {
  const api = await serveThree();
  const { status, body: answer } = await send(api.url, "POST", MEMBERS, body);
  expect([status, answer.error.code]).toEqual([422, "invalid"]);
  expect(JSON.stringify(answer.error.details.problems)).toContain(field);
  expect(api.replica.cluster.changes).toEqual([]);
});

test("a member's id that cannot be one is refused before anybody is asked", async () => {
  const api = await serveThree();
  for (const id of ["N1", "n1@", "n1@a@b", "%20", "n1@a%2Fb", "x".repeat(65)]) {
    expect((await send(api.url, "POST", `${MEMBERS}/${id}/promote`)).body.error.code, id).toBe("invalid-parameter");
  }
});

test("a node that does not link is not added, is forgotten again, and the answer says what helps", async () => {
  const asked: string[] = [];
  const api = await serveApi({
    node: "n1",
    limits: { peerMs: 20, joinMs: 60 },
    links: {
      addPeer: (node, address) => void asked.push(`add ${node} ${address}`),
      removePeer: (node) => void asked.push(`remove ${node}`),
      addressOf: () => undefined,
    },
  });
  const { status, body } = await send(api.url, "POST", MEMBERS, { name: "n4", address: "10.0.0.4:7101" });
  expect([status, body.error.code]).toEqual([502, "node-unreachable"]);
  expect(body.error.message).toMatch(/^Cannot add node "n4": it did not link from 10\.0\.0\.4:7101 within .* --join/);
  expect(asked).toEqual(["add n4 10.0.0.4:7101", "remove n4"]);
});

test("a node that links is added under the id that it gives, with its address", async () => {
  const [one, four] = [`n1-${crypto.randomUUID()}`, `n4-${crypto.randomUUID()}`];
  const [portOfOne = 0, portOfFour = 0] = await freePorts(2);
  const address = `127.0.0.1:${portOfFour}`;
  const wsOfOne = createWsRemoting(wsOptions(one, { listen: { port: portOfOne } }));
  const wsOfFour = createWsRemoting(
    wsOptions(four, { listen: { port: portOfFour }, peers: new Map([[one, { host: "127.0.0.1", port: portOfOne }]]) }),
  );
  const close = async (): Promise<void> => void (await Promise.all([wsOfOne, wsOfFour].map(async (ws) => ws.close())));
  onTestFinished(close);
  const api = await serveApi({ node: one, remoting: wsOfOne.remoting, links: linksOf(wsOfOne) });
  await serveApi({ node: four, remoting: wsOfFour.remoting });
  await Promise.all([wsOfOne.start(), wsOfFour.start()]);
  const { status, body } = await send(api.url, "POST", MEMBERS, { name: four, address });
  expect([status, body]).toEqual([201, { change: "add-learner", member: `${four}@1`, index: 1, done: true }]);
  expect(api.replica.cluster.changes).toEqual([`add-learner ${four}@1 ${address}`]);
  expect((await send(api.url, "GET", MEMBERS)).body.items).toMatchObject([
    { node: one },
    { node: four, role: "learner", address },
  ]);
});

function linksOf(ws: WsRemoting): NonNullable<Parameters<typeof serveApi>[0]>["links"] & object {
  return {
    addPeer: (node, address) => {
      const [host = "", port] = address.split(":");
      ws.addPeer(node, { host, port: Number(port) });
    },
    removePeer: (node) => ws.removePeer(node),
    addressOf: () => undefined,
  };
}

test("GET /readyz says what a node that is removed, wiped, full or damaged needs", async () => {
  const api = await serveApi();
  const why = async (status: object): Promise<string> => {
    api.replica.cluster.status = status;
    return (await send(api.url, "GET", "/readyz")).body.error.message;
  };
  expect(await why({ membership: "removed" })).toContain("it was removed from the cluster");
  expect(await why({ membership: "disk-lost" })).toContain("its disk was lost; add it again");
  expect(await why({ membership: "not-a-member" })).toContain("blixard cluster add");
  expect(await why({ readOnly: true })).toContain("its disk has no room");
  expect(await why({ recovering: true })).toContain("its log was damaged");
});
