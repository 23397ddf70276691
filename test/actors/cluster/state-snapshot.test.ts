/** A snapshot of the replicated state is the state: what is restored goes on as the one it was taken of. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ClusterState, type Command, type Proposal } from "../../../actors/index.ts";
import { snapshotChunks, SnapshotReader } from "../../../actors/cluster/state-snapshot.ts";
import { jsonCodec, type PayloadCodec } from "../../../runtime/index.ts";
import { msgpackPayloadCodec } from "../../../transport/node/index.ts";
import { AT_MS, nodeSpec, SampleMap, vmSpec } from "./sample-map.ts";

const LIMITS = { eventsMax: 10, sessionsMax: 5, sessionExpiryMs: 400 };

function bytesOf(state: ClusterState, codec: PayloadCodec, term = 3): Uint8Array[] {
  const source = snapshotChunks({ view: state.view(), term }, codec);
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { bytes, last } = source.next();
    chunks.push(bytes);
    if (last) return chunks;
  }
}

function restore(chunks: readonly Uint8Array[], codec: PayloadCodec, into: ClusterState): number {
  const reader = new SnapshotReader(codec);
  for (const chunk of chunks) reader.add(chunk);
  const { view, term } = reader.finish();
  into.restore(view);
  return term;
}

const vm = fc.constantFrom("a", "b", "c", "d");
const node = fc.constantFrom("n1", "n2");
const step = fc.record({
  type: fc.constantFrom(
    ...([
      "create-vm",
      "create-vm",
      "set-running",
      "delete-vm",
      "register-node",
      "renew-lease",
      "expire-lease",
    ] as const),
    ...([
      "place",
      "place",
      "place",
      "stop-instance",
      "stop-instance",
      "stop-instance",
      "release",
      "advance-time",
      "note-members",
    ] as const),
    ...(["open-session", "renew-session", "acquire-lease", "acquire-lease", "release-lease", "set-region"] as const),
    ...(["remember-entities", "move-shards", "expire-session"] as const),
  ),
  vm,
  node,
  flag: fc.boolean(),
  repeat: fc.integer({ min: 0, max: 6 }).map((roll) => roll === 0),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** A command that fits the map, mostly. */
function commandOf({ state }: SampleMap, { type, vm: name, node: at, flag }: Step): Command {
  const found = state.get("Vm", name);
  const one = found?.kind === "Vm" ? found : undefined;
  const joined = state.get("Node", at);
  const epoch = joined?.kind === "Node" ? joined.status.epoch : 0;
  const renewedAt = joined?.kind === "Node" ? joined.status.renewedAt : 0;
  const session = state.coordination.session(at);
  const id = { node: at, session: session?.session ?? 0 };
  const instance = one?.status.instance;
  switch (type) {
    case "create-vm":
      return { type, name, labels: { made: String(flag) }, spec: vmSpec({ memoryMiB: 128 }) };
    case "set-running":
      return { type, name, running: flag && instance === undefined };
    case "delete-vm":
      return { type, name };
    case "register-node": {
      const running = state.list("Vm").flatMap((each) => (each.kind === "Vm" ? (each.status.instance?.id ?? []) : []));
      return { type, name: at, spec: nodeSpec({ address: `10.0.0.${at}` }), running: flag ? running : [] };
    }
    case "renew-lease":
      return { type, node: at, epoch };
    case "expire-lease":
      return { type, node: at, epoch, renewedAt };
    case "place": {
      const { uid = "", generation = 0 } = one?.metadata ?? {};
      return { type, vm: name, uid, generation, node: at, epoch };
    }
    case "stop-instance": {
      // What wants to stop is rare, so it is looked for.
      const vms = state.list("Vm").flatMap((each) => (each.kind === "Vm" ? [each] : []));
      const wanted = vms.find(({ spec, status }) => !spec.running && status.instance !== null) ?? one;
      return {
        type,
        vm: wanted?.metadata.name ?? name,
        instance: wanted?.status.instance?.id ?? "",
        message: "asked to",
      };
    }
    case "release": {
      const held = { node: instance?.node ?? at, epoch: instance?.epoch ?? 0, vm: name, instance: instance?.id ?? "" };
      return { type, ...held, phase: "Stopped", message: "" };
    }
    case "advance-time":
      return { type, toMs: state.timeMs + (flag ? 100 : 0) };
    case "note-members":
      return { type, index: state.applied + 1, voters: flag ? ["n1@x", "n2@y"] : ["n1@x"], learners: [], by: "ann" };
    case "open-session":
      return { type, node: at };
    case "renew-session":
      return { type, ...id };
    case "expire-session":
      return { type, ...id, renewedAt: session?.renewedAt ?? 0 };
    case "acquire-lease":
      return { type, name, ...id };
    case "release-lease":
      return { type, name, fence: state.coordination.lease(name)?.fence ?? 0, to: flag ? "n2" : null, ...id };
    case "set-region":
      return { type, shardType: "cart", shards: 4, hosts: true, ...id };
    case "move-shards": {
      const { fence = 0 } = state.coordination.shard("cart", 1) ?? {};
      return { type, shardType: "cart", moves: [{ shard: 1, fence, to: at }] };
    }
    case "remember-entities": {
      const shard = state.coordination.shard("cart", 1);
      const home = shard?.home ?? id;
      return { type, shardType: "cart", shard: 1, fence: shard?.fence ?? 0, ...home, started: [name], ended: [] };
    }
  }
}

test("a restored state has the fingerprint of its index, and goes on as the one it was taken of", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 60, maxLength: 90, size: "max" }),
      fc.nat(60),
      fc.boolean(),
      (steps, at, packed) => {
        const codec = packed ? msgpackPayloadCodec : jsonCodec;
        const map = new SampleMap(LIMITS);
        const copy = new ClusterState(LIMITS);
        // What it held before must leave no trace.
        copy.apply(1, {
          session: "x",
          sequence: 1,
          after: 0,
          atMs: 0,
          command: { type: "create-vm", name: "old", labels: {}, spec: vmSpec() },
        });
        let last: Proposal | null = null;
        for (const [number, each] of steps.entries()) {
          const index = map.state.applied + 1;
          const fresh = { session: `s-${index % 7}`, sequence: index, after: index - 1, atMs: AT_MS + index };
          const proposal: Proposal = each.repeat && last !== null ? last : { ...fresh, command: commandOf(map, each) };
          last = proposal;
          if (number === at) {
            // As the replica does it: the view first, the chunks while others are applied.
            const view = map.state.view();
            const before = map.state.fingerprint;
            const outcome = map.do(proposal.command, proposal);
            expect(restore(chunksOf(view, codec), codec, copy)).toBe(3);
            expect(copy.fingerprint).toBe(before);
            expect(copy.applied).toBe(index - 1);
            expect(JSON.stringify(copy.apply(index, proposal).outcome)).toBe(JSON.stringify(outcome));
          } else {
            const outcome = map.do(proposal.command, proposal);
            if (number > at) expect(JSON.stringify(copy.apply(index, proposal).outcome)).toBe(JSON.stringify(outcome));
            if (outcome.ok && (outcome.changed || each.type === "advance-time")) reached.add(proposal.command.type);
            if (outcome.ok && (map.last?.coordination.length ?? 0) > 0) reached.add(proposal.command.type);
          }
          if (number >= at) {
            expect(copy.fingerprint).toBe(map.state.fingerprint);
            expect(JSON.stringify(copy.view())).toBe(JSON.stringify(map.state.view()));
          }
        }
      },
    ),
    { numRuns: 120, seed: 17 },
  );
  // The property is worth nothing unless it got nearly everywhere.
  expect([...reached].toSorted()).toEqual([...new Set(REACHED)].toSorted());
});

const REACHED = [
  ...[
    "create-vm",
    "set-running",
    "delete-vm",
    "register-node",
    "renew-lease",
    "expire-lease",
    "place",
    "stop-instance",
  ],
  ...["release", "advance-time", "note-members", "open-session", "renew-session", "acquire-lease", "release-lease"],
  ...["set-region", "move-shards", "remember-entities", "expire-session"],
];

function chunksOf(view: ReturnType<ClusterState["view"]>, codec: PayloadCodec): readonly Uint8Array[] {
  const stand: Pick<ClusterState, "view"> = { view: () => view };
  return bytesOf(stand as ClusterState, codec);
}

test("a restored state ends the instances of a lost node in the same order, whatever they were placed in", () => {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 4096, vcpus: 8 });
  for (const name of ["a", "b", "c"]) map.create(name);
  for (const name of ["c", "a", "b"]) map.place(name, "n1");
  const copy = new ClusterState();
  restore(bytesOf(map.state, jsonCodec), jsonCodec, copy);
  const { epoch, renewedAt } = map.node("n1").status;
  const command = { type: "expire-lease", node: "n1", epoch, renewedAt } as const;
  const index = map.state.applied + 1;
  map.do(command, { session: "s", atMs: 5 });
  copy.apply(index, { session: "s", sequence: 1, after: index - 1, atMs: 5, command });
  expect(JSON.stringify(copy.view())).toBe(JSON.stringify(map.state.view()));
});

test("a large state is cut into chunks of 256 KiB that are encoded when they are asked for", () => {
  const map = new SampleMap();
  for (let at = 0; at < 300; at++) map.create(`vm-${at}`, { env: { FILL: "x".repeat(2000) } });
  let encoded = 0;
  const counting: PayloadCodec = {
    encode: (value) => {
      encoded += 1;
      return jsonCodec.encode(value);
    },
    decode: (bytes) => jsonCodec.decode(bytes),
  };
  const source = snapshotChunks({ view: map.state.view(), term: 1 }, counting);
  expect(encoded).toBe(0);
  const first = source.next();
  expect([first.bytes.length, first.last]).toEqual([256 * 1024, false]);
  expect(encoded).toBeLessThan(200);
  const copy = new ClusterState();
  const chunks = bytesOf(map.state, jsonCodec);
  expect(chunks.length).toBeGreaterThan(2);
  restore(chunks, jsonCodec, copy);
  expect(copy.fingerprint).toBe(map.state.fingerprint);
});

test("SnapshotReader refuses another format, a record it does not know, and what is not whole, by name", () => {
  const map = new SampleMap();
  map.create("web");
  const chunks = bytesOf(map.state, jsonCodec);
  const other = (from: string, to: string): PayloadCodec => ({
    encode: (value) => jsonCodec.encode(JSON.parse(JSON.stringify(value).replace(from, to))),
    decode: (bytes) => jsonCodec.decode(bytes),
  });
  const read = (bytes: readonly Uint8Array[]) => () => restore(bytes, jsonCodec, new ClusterState());
  expect(read(chunks)).not.toThrow();
  expect(read(bytesOf(map.state, other('"format":1', '"format":3')))).toThrow(
    "its format is 3, this version knows 1 and 2",
  );
  expect(read(bytesOf(map.state, other('"type":"session"', '"type":"later"')))).toThrow("a record of it is of a kind");
  expect(read(bytesOf(map.state, other('"type":"end","records":4', '"type":"end","records":5')))).toThrow("wanted 5");
  expect(read([])).toThrow("it ends after 0 records");
});
