/**
 * Formation by itself: nodes whose messages come in any order, twice or not at all, which restart and lose disks. Never two
 * clusters that could both commit, and a node that lost its disk takes part in none.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeConfiguration } from "../../../../actors/raft/core/configuration-codec.ts";
import { createConfiguration } from "../../../../actors/raft/core/configuration.ts";
import { Formation, type FormationOutput } from "../../../../actors/raft/formation/formation.ts";
import type { FormationMessage } from "../../../../actors/raft/formation/formation-messages.ts";
import { mintMemberId, nodeOf } from "../../../../actors/raft/member-id.ts";
import { createRandom, type Random } from "../../../../runtime/index.ts";

interface Belongs {
  readonly cluster: string;
  readonly members: readonly string[];
  readonly birth: boolean;
}

/** What a node has on disk, and the machine that runs on it. */
interface TestNode {
  readonly name: string;
  id: string;
  belongs: Belongs | null;
  /** Null while it is down, or belongs. */
  formation: Formation | null;
  up: boolean;
}

class World {
  readonly names: readonly string[];
  readonly nodes: readonly TestNode[];
  readonly random: Random = createRandom(7);
  readonly wire: { readonly to: string; readonly message: FormationMessage }[] = [];
  /** Every cluster that was ever formed, with those who ever belonged to it. */
  readonly clusters = new Map<string, { readonly members: readonly string[]; readonly joined: Set<string> }>();
  nowMs = 0;

  constructor(count: number) {
    this.names = Array.from({ length: count }, (_, at) => `n${at + 1}`);
    this.nodes = this.names.map((name) => ({ name, id: "", belongs: null, formation: null, up: false }));
  }

  start(node: TestNode): void {
    if (node.up) return;
    node.up = true;
    if (node.id === "") node.id = mintMemberId(node.name, this.random);
    if (node.belongs === null) this.#form(node);
  }

  stop(node: TestNode): void {
    node.up = false;
    node.formation = null;
  }

  wipe(node: TestNode): void {
    this.stop(node);
    node.id = "";
    node.belongs = null;
  }

  /** Delivers the message at that place of the wire, and keeps it there if it is to come twice. */
  deliver(at: number, twice: boolean): void {
    const found = this.wire[at % Math.max(1, this.wire.length)];
    if (found === undefined) return;
    if (!twice) this.wire.splice(this.wire.indexOf(found), 1);
    const node = this.nodes.find(({ name }) => name === found.to);
    if (node?.up !== true) return;
    if (node.formation !== null) this.#carryOut(node, node.formation.onMessage(found.message));
    else if (node.belongs !== null && found.message.type === "hello") this.#answer(node, found.message.from);
  }

  lose(at: number): void {
    if (this.wire.length > 0) this.wire.splice(at % this.wire.length, 1);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (const node of this.nodes) {
      if (node.formation !== null) this.#carryOut(node, node.formation.onTimeout(this.nowMs));
    }
  }

  /** Everything arrives, in order, for a while. */
  settle(): void {
    for (const node of this.nodes) this.start(node);
    for (let round = 0; round < 30; round++) {
      this.pass(1000);
      for (let sent = 0; this.wire.length > 0 && sent < 10_000; sent++) this.deliver(0, false);
      expect(this.wire).toHaveLength(0);
    }
  }

  #form(node: TestNode): void {
    node.formation = new Formation({ self: node.id, voters: this.names, random: this.random, nowMs: this.nowMs });
  }

  #carryOut(node: TestNode, { messages, decision }: FormationOutput): void {
    this.wire.push(...messages);
    if (decision === null) return;
    const { cluster, birth, formed } = decision;
    if (formed) this.clusters.set(cluster, { members: birth?.voters ?? [], joined: new Set() });
    const known = this.clusters.get(cluster);
    if (known === undefined) throw new Error(`cluster ${cluster} was never formed`);
    known.joined.add(node.id);
    node.belongs = { cluster, members: known.members, birth: birth !== null };
    node.formation = null;
    if (formed) for (const member of known.members) if (member !== node.id) this.#answer(node, member);
  }

  #answer(node: TestNode, to: string): void {
    const { cluster, members, birth } = node.belongs as Belongs;
    const configuration = encodeConfiguration(createConfiguration(members));
    const belongs = { cluster, configuration, birth: birth ? configuration : null };
    const voters = this.names;
    this.wire.push({ to: nodeOf(to), message: { type: "hello-answer", from: node.id, to, voters, belongs } });
  }
}

type Step =
  | { readonly do: "deliver"; readonly at: number; readonly twice: boolean }
  | { readonly do: "lose" | "start" | "stop" | "wipe"; readonly at: number }
  | { readonly do: "pass"; readonly ms: number };

const place = fc.nat(40);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("deliver" as const), at: place, twice: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("lose" as const, "start" as const, "stop" as const), at: place }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wipe" as const), at: place }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 10, max: 1500 }) }) },
);

function run(world: World, steps: readonly Step[], mayWipe: () => boolean): void {
  for (const node of world.nodes) world.start(node);
  for (const each of steps) {
    if (each.do === "deliver") world.deliver(each.at, each.twice);
    else if (each.do === "pass") world.pass(each.ms);
    else if (each.do === "lose") world.lose(each.at);
    else {
      const node = world.nodes[each.at % world.nodes.length] as TestNode;
      if (each.do === "wipe" && mayWipe()) world.wipe(node);
      else if (each.do !== "wipe") world[each.do](node);
    }
    expectOneCluster(world);
  }
}

/** Clusters of which a majority ever belonged to them: only these could ever commit anything. */
function expectOneCluster({ clusters }: World): void {
  const able = [...clusters.values()].filter(({ members, joined }) => 2 * joined.size > members.length);
  expect(able.length).toBeLessThanOrEqual(1);
}

test("nodes whose messages are lost, late and doubled, and which restart, form one cluster and all belong to it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 120 }), (count, steps) => {
      const world = new World(count);
      run(world, steps, () => false);
      world.settle();
      expect(world.clusters.size).toBe(1);
      const ids = world.nodes.map(({ id }) => id);
      for (const { belongs } of world.nodes) expect(belongs?.members).toEqual(ids);
    }),
    { numRuns: 300 },
  );
});

test("a disk that is lost at any moment never makes a second cluster that could commit (fault 33)", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 5 }), fc.array(step, { maxLength: 150 }), (count, steps) => {
      const world = new World(count);
      let wipes = 0;
      run(world, steps, () => wipes++ === 0);
      world.settle();
      expectOneCluster(world);
    }),
    { numRuns: 500 },
  );
});

test("a node that loses its disk after the cluster was formed belongs to none, and says so", () => {
  for (const [at, name] of ["n1", "n2", "n3"].entries()) {
    const world = new World(3);
    world.settle();
    const node = world.nodes[at] as TestNode;
    const before = node.id;
    world.wipe(node);
    world.settle();
    expect(world.clusters.size).toBe(1);
    expect(node.belongs).toBeNull();
    expect(node.formation?.state).toBe("disk-lost");
    expect(node.formation?.describe()).toBe(
      `Node "${name}" lost its disk, with all that it had acknowledged; remove its old member and add it as "${node.id}"`,
    );
    expect(node.id).not.toBe(before);
  }
});

test("a node alone forms its cluster at once", () => {
  const formation = new Formation({ self: "n1@a", voters: ["n1"], random: createRandom(1), nowMs: 0 });
  expect(formation.onTimeout(0)).toMatchObject({
    messages: [],
    decision: { formed: true, birth: { voters: ["n1@a"] } },
  });
  expect(formation.nextDeadlineMs()).toBe(Infinity);
});

test("the last of three to start makes a cluster within two round trips, without waiting for anybody's timer", () => {
  const world = new World(3);
  const [, second, third] = world.nodes as [TestNode, TestNode, TestNode];
  world.start(second);
  world.start(third);
  for (let ms = 0; ms < 10_000; ms += 500) world.pass(500);
  world.wire.length = 0;
  const first = world.nodes[0] as TestNode;
  world.start(first);
  first.formation?.onTimeout(world.nowMs).messages.forEach((message) => world.wire.push(message));
  for (let sent = 0; world.wire.length > 0 && sent < 100; sent++) world.deliver(0, false);
  expect(world.nodes.map(({ belongs }) => belongs?.cluster)).toEqual(
    Array.from({ length: 3 }, () => first.belongs?.cluster),
  );
  expect(first.belongs).not.toBeNull();
});

test("nodes that list others form nothing, and say why", () => {
  const formation = new Formation({ self: "n1@a", voters: ["n1", "n2"], random: createRandom(1), nowMs: 0 });
  formation.onTimeout(0);
  const answer = { type: "hello-answer", from: "n2@b", to: "n1@a", voters: ["n2", "n3"], belongs: null } as const;
  expect(formation.onMessage(answer).decision).toBeNull();
  expect(formation.describe()).toBe(
    'Cannot form a cluster: "n2" lists n2, n3; this node lists n1, n2; start all with the same list',
  );
});

test("an answer to another incarnation of the node counts for nothing", () => {
  const formation = new Formation({ self: "n1@a", voters: ["n1", "n2"], random: createRandom(1), nowMs: 0 });
  formation.onTimeout(0);
  const answer = { type: "hello-answer", from: "n2@b", to: "n1@x", voters: ["n1", "n2"], belongs: null } as const;
  expect(formation.onMessage(answer).decision).toBeNull();
  expect(formation.onMessage({ ...answer, to: "n1@a" }).decision).toMatchObject({ formed: true });
});

test("a node that no list names waits to be added, and joins as soon as a configuration names it", () => {
  const formation = new Formation({ self: "n9@z", voters: ["n1", "n2"], random: createRandom(1), nowMs: 0 });
  expect(formation.onTimeout(0).messages.map(({ to }) => to)).toEqual(["n1", "n2"]);
  const answer = (members: readonly string[]): FormationMessage => ({
    type: "hello-answer",
    from: "n1@a",
    to: "n9@z",
    voters: ["n1", "n2"],
    belongs: { cluster: "c", configuration: encodeConfiguration(createConfiguration(members)), birth: null },
  });
  expect(formation.onMessage(answer(["n1@a", "n2@b"])).decision).toBeNull();
  expect(formation.state).toBe("not-a-member");
  expect(formation.onTimeout(1000).messages).toHaveLength(2);
  expect(formation.onMessage(answer(["n1@a", "n2@b", "n9@z"])).decision).toEqual({
    cluster: "c",
    birth: null,
    formed: false,
  });
});

/** Three nodes on empty disks whose list the cluster has outgrown; `heard` is what the last of them has heard before the first starts. */
function outgrown(heard: (third: Formation) => void): { readonly first: Formation; readonly formed: boolean } {
  const names = ["n1", "n2", "n3"];
  const [first, second, third] = ["n1@d", "n2@d", "n3@d"].map(
    (self) => new Formation({ self, voters: names, random: createRandom(1), nowMs: 0 }),
  ) as [Formation, Formation, Formation];
  heard(third);
  const answers = first.onTimeout(0).messages.flatMap(({ to, message }) => {
    const { messages } = (to === "n2" ? second : third).onMessage(message);
    return messages.filter(({ message: { type } }) => type === "hello-answer");
  });
  return { first, formed: answers.some(({ message }) => first.onMessage(message).decision?.formed === true) };
}

test("a node whose lost member is still talked to forms nothing and lets nobody form beside that cluster (membership seed 200047)", () => {
  expect(outgrown(() => {}).formed).toBe(true);
  const { first, formed } = outgrown((third) => {
    const { messages } = third.onMember({ from: "n4@a", to: "n3@lost" });
    expect(messages).toEqual([{ to: "n4", message: expect.objectContaining({ type: "hello", from: "n3@d" }) }]);
    expect(third.state).toBe("disk-lost");
    expect(third.onMember({ from: "n4@a", to: "n3@lost" }).messages).toEqual([]);
  });
  expect(formed).toBe(false);
  expect(first.describe()).toBe('Node "n1" waits for an answer of n3 to form a cluster');
});

test("a node that was told of a cluster lets nobody form beside it", () => {
  const configuration = encodeConfiguration(createConfiguration(["n4@a", "n5@a"]));
  const { formed } = outgrown((third) => {
    const belongs = { cluster: "c", configuration, birth: null };
    third.onMessage({ type: "hello-answer", from: "n4@a", to: "n3@d", voters: ["n4", "n5"], belongs });
    expect(third.state).toBe("not-a-member");
  });
  expect(formed).toBe(false);
});

test("a node that hears of a cluster after it has answered lets nobody form beside it, however late the last one starts", () => {
  const names = ["n1", "n2", "n3"];
  const [first, second, third] = ["n1@d", "n2@d", "n3@d"].map(
    (self) => new Formation({ self, voters: names, random: createRandom(1), nowMs: 0 }),
  ) as [Formation, Formation, Formation];
  const ask = (nowMs: number, ...running: readonly Formation[]): boolean => {
    const hellos = first.onTimeout(nowMs).messages;
    const asked = hellos.flatMap(({ to, message }) => {
      const node = to === "n2" ? second : third;
      return running.includes(node) ? node.onMessage(message).messages : [];
    });
    const answers = asked.filter(({ message: { type } }) => type === "hello-answer");
    return answers.some(({ message }) => first.onMessage(message).decision?.formed === true);
  };
  expect(ask(0, second)).toBe(false);
  expect(first.describe()).toContain("waits for an answer of n3 to");
  second.onMember({ from: "n4@a", to: "n2@lost" });
  for (const nowMs of [1000, 2000]) expect(ask(nowMs, second)).toBe(false);
  expect(first.describe()).toContain("waits for an answer of n2, n3 to");
  for (const nowMs of [3000, 4000]) expect(ask(nowMs, second, third)).toBe(false);
});

test("a node that is added asks whoever speaks to it, listed or not, and joins", () => {
  const formation = new Formation({ self: "n3@d", voters: ["n1", "n2", "n3"], random: createRandom(1), nowMs: 0 });
  formation.onTimeout(0);
  const { messages } = formation.onMember({ from: "n4@a", to: "n3@d" });
  expect(messages.map(({ to }) => to)).toEqual(["n4"]);
  expect(formation.state).toBe("forming");
  expect(formation.onTimeout(1000).messages.map(({ to }) => to)).toEqual(["n1", "n2", "n4"]);
  const configuration = encodeConfiguration(createConfiguration(["n4@a", "n5@a", "n3@d"]));
  const belongs = { cluster: "c", configuration, birth: null };
  const answer = { type: "hello-answer", from: "n4@a", to: "n3@d", voters: ["n4", "n5"], belongs } as const;
  expect(formation.onMessage(answer).decision).toEqual({ cluster: "c", birth: null, formed: false });
});

test("a configuration that this version cannot read joins nothing", () => {
  const formation = new Formation({ self: "n1@a", voters: ["n1", "n2"], random: createRandom(1), nowMs: 0 });
  const belongs = { cluster: "c", configuration: Uint8Array.of(1, 2), birth: null };
  const answer = { type: "hello-answer", from: "n2@b", to: "n1@a", voters: ["n1", "n2"], belongs } as const;
  expect(formation.onMessage(answer)).toEqual({ messages: [], decision: null });
  expect(formation.state).toBe("forming");
});
