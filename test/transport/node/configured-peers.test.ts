/** Peers that follow the cluster's configuration, beside those of the start. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfiguredPeers } from "../../../transport/node/index.ts";

const N2 = { host: "10.0.0.2", port: 7101 };

/** A configuration of n2, which has been there from the beginning, and of whoever has an address. */
function follow(peers: ConfiguredPeers, addresses: Readonly<Record<string, string>>): void {
  peers.follow([...new Set(["n2@0", ...Object.keys(addresses)])], addresses);
}

function create(remembered: Readonly<Record<string, string>> = {}): {
  peers: ConfiguredPeers;
  told: Map<string, string>;
  kept: Readonly<Record<string, string>>[];
} {
  const told = new Map([["n2", "10.0.0.2:7101"]]);
  const kept: Readonly<Record<string, string>>[] = [];
  const peers = new ConfiguredPeers({
    node: "n1",
    peers: new Map([["n2", N2]]),
    remembered,
    transport: {
      addPeer: (peer, { host, port }) => void told.set(peer, `${host}:${port}`),
      removePeer: (peer) => void told.delete(peer),
    },
    onChange: (addresses) => void kept.push(addresses),
  });
  return { peers, told, kept };
}

test("follow() adds who has an address in the configuration, and removes who has none any more", () => {
  const { peers, told, kept } = create();
  follow(peers, { "n4@a": "10.0.0.4:7101", "n1@b": "10.0.0.1:7101" });
  expect(Object.fromEntries(told)).toEqual({ n2: "10.0.0.2:7101", n4: "10.0.0.4:7101" });
  expect(peers.addressOf("n4")).toBe("10.0.0.4:7101");
  follow(peers, {});
  expect([...told.keys()]).toEqual(["n2"]);
  expect(kept).toEqual([{ n4: "10.0.0.4:7101" }, {}]);
});

test("a peer of the start keeps its address and stays", () => {
  const { peers, told } = create();
  follow(peers, { "n2@a": "10.9.9.9:1" });
  peers.addPeer("n2", "10.9.9.9:1");
  follow(peers, {});
  peers.removePeer("n2");
  expect(Object.fromEntries(told)).toEqual({ n2: "10.0.0.2:7101" });
});

test("a node that is being added is a peer until it is taken back, or stays as a member", () => {
  const { peers, told } = create();
  peers.addPeer("n4", "10.0.0.4:7101");
  follow(peers, { "n5@a": "10.0.0.5:7101" });
  expect([...told.keys()]).toEqual(["n2", "n4", "n5"]);
  peers.removePeer("n4");
  expect([...told.keys()]).toEqual(["n2", "n5"]);
  peers.addPeer("n4", "10.0.0.4:7101");
  follow(peers, { "n4@a": "10.0.0.4:7101" });
  peers.removePeer("n4");
  expect(told.has("n4")).toBe(true);
});

test("what was remembered are peers from the start on, until a configuration says otherwise", () => {
  const { peers, told } = create({ n4: "10.0.0.4:7101" });
  expect(peers.names).toEqual(["n2", "n4"]);
  expect(told.get("n4")).toBe("10.0.0.4:7101");
  follow(peers, { "n3@a": "10.0.0.3:7101" });
  expect(peers.names).toEqual(["n2", "n3"]);
});

test("a member without an address keeps the one that is remembered of its node; no members at all change nothing", () => {
  const { peers, told } = create({ n3: "10.0.0.3:7101", n4: "10.0.0.4:7101" });
  peers.follow([], {});
  expect(peers.names).toEqual(["n2", "n3", "n4"]);
  peers.follow(["n2@a", "n3@a", "n3@b", "n5@a"], { "n5@a": "10.0.0.5:7101" });
  expect(Object.fromEntries(told)).toEqual({ n2: "10.0.0.2:7101", n3: "10.0.0.3:7101", n5: "10.0.0.5:7101" });
});

test("this node itself is none of its peers, whatever is remembered or configured", () => {
  const { peers, told } = create({ n1: "10.0.0.1:7101" });
  follow(peers, { "n1@a": "10.0.0.1:7101" });
  expect([peers.names, told.has("n1"), peers.addressOf("n1")]).toEqual([["n2"], false, undefined]);
});

test("nothing is made of an address that is none, of this node itself, or of what is known already", () => {
  const { peers, told, kept } = create();
  peers.addPeer("n1", "10.0.0.1:7101");
  peers.addPeer("n4", "no address");
  follow(peers, {});
  expect([[...told.keys()], kept]).toEqual([["n2"], []]);
});

test("whatever happens, the transport has exactly the peers of the start, of the configuration and those being added", () => {
  const node = fc.constantFrom("n1", "n2", "n3", "n4");
  const step = fc.oneof(
    fc.record({ type: fc.constant("add" as const), node }),
    fc.record({ type: fc.constant("remove" as const), node }),
    fc.record({ type: fc.constant("follow" as const), nodes: fc.uniqueArray(node) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { peers, told } = create();
      let configured: readonly string[] = [];
      const adding = new Set<string>();
      for (const each of steps) {
        if (each.type === "follow") {
          configured = each.nodes;
          for (const member of each.nodes) adding.delete(member);
          follow(peers, Object.fromEntries(each.nodes.map((member) => [`${member}@x`, `h-${member}:1`])));
        } else if (each.type === "add") {
          if (each.node !== "n1" && each.node !== "n2" && !configured.includes(each.node)) adding.add(each.node);
          peers.addPeer(each.node, `h-${each.node}:1`);
        } else {
          adding.delete(each.node);
          peers.removePeer(each.node);
        }
        const wanted = new Set(["n2", ...configured, ...adding]);
        wanted.delete("n1");
        expect(new Set(told.keys())).toEqual(wanted);
      }
    }),
  );
});
