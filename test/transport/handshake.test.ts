import { expect, test } from "vitest";
import type { HandshakeFrame, HandshakeSelf, HandshakeState, HandshakeStep } from "../../transport/index.ts";
import { awaitHello, greet, stepHandshake } from "../../transport/index.ts";

/** Not a hash, but what the machine needs of one: another token or transcript, another proof. */
function self(
  node: string,
  overrides: { cluster?: string; token?: string; versions?: [number, number] } = {},
): TestSelf {
  const { cluster = "c", token = "t", versions = [1, 1] } = overrides;
  const linked = new Map<string, string>();
  const prove = (transcript: string): string => `${token}|${transcript}`;
  return {
    identity: { cluster, node, incarnation: `${node}-first` },
    versions: { min: versions[0], max: versions[1] },
    prover: { prove, verify: (transcript, proof) => proof === prove(transcript) },
    members: { has: (peer) => ["n1", "n2", "n3"].includes(peer), linkedIncarnation: (peer) => linked.get(peer) },
    linked,
  };
}

type TestSelf = HandshakeSelf & { readonly linked: Map<string, string> };

interface Outcome {
  /** Frames in the order they travelled. */
  readonly trace: readonly string[];
  readonly dialer: HandshakeStep | undefined;
  readonly acceptor: HandshakeStep | undefined;
}

/** Runs both sides against each other; `meddle` may change each frame on its way. */
function run(
  dialer: TestSelf,
  acceptor: TestSelf,
  { dialed = acceptor.identity.node, meddle = (frame: HandshakeFrame): HandshakeFrame => frame } = {},
): Outcome {
  const trace: string[] = [];
  const hello = greet(dialer, dialed, "d".repeat(64));
  const states: { dialer: HandshakeState; acceptor: HandshakeState } = {
    dialer: hello.state,
    acceptor: awaitHello("a".repeat(64)),
  };
  const steps: { dialer: HandshakeStep | undefined; acceptor: HandshakeStep | undefined } = {
    dialer: undefined,
    acceptor: undefined,
  };
  let [frame, to]: [HandshakeFrame | null, "dialer" | "acceptor"] = [hello.send, "acceptor"];
  while (frame !== null) {
    trace.push(frame.type);
    const step: HandshakeStep = stepHandshake(to === "dialer" ? dialer : acceptor, states[to], meddle(frame));
    steps[to] = step;
    if (step.type === "continue") states[to] = step.state;
    frame = "send" in step ? step.send : null;
    to = to === "dialer" ? "acceptor" : "dialer";
  }
  return { trace, ...steps };
}

function refusalOf(step: HandshakeStep | undefined): string | undefined {
  return step?.type === "refused" ? step.refusal.code : undefined;
}

test("the handshake links two members of one cluster, each knowing who the other is", () => {
  const { trace, dialer, acceptor } = run(self("n1"), self("n2"));
  expect(trace).toEqual(["hello", "challenge", "proof", "welcome"]);
  expect(dialer).toMatchObject({ type: "linked", peer: { node: "n2", incarnation: "n2-first" }, version: 1 });
  expect(acceptor).toMatchObject({ type: "linked", peer: { node: "n1", incarnation: "n1-first" }, version: 1 });
});

test("the acceptor refuses a dialer by name, before it has proven anything itself", () => {
  const cases: [string, TestSelf, TestSelf][] = [
    ["wrong-cluster", self("n1", { cluster: "other" }), self("n2")],
    ["unknown-node", self("n0"), self("n2")],
    ["own-node", self("n2"), self("n2")],
    ["wrong-direction", self("n3"), self("n2")],
    ["protocol-version", self("n1", { versions: [2, 3] }), self("n2")],
    ["protocol-version", self("n1"), self("n2", { versions: [2, 3] })],
    ["wrong-token", self("n1", { token: "guess" }), self("n2")],
  ];
  for (const [code, dialer, acceptor] of cases) {
    const outcome = run(dialer, acceptor);
    expect(refusalOf(outcome.acceptor), code).toBe(code);
    expect(outcome.trace).not.toContain("welcome");
  }
});

test("the dialer refuses an acceptor that is not the one it dialed, or that cannot prove the token", () => {
  expect(refusalOf(run(self("n1"), self("n3"), { dialed: "n2" }).dialer)).toBe("wrong-node");
  const forged = run(self("n1"), self("n2"), {
    meddle: (frame) => (frame.type === "welcome" ? { ...frame, proof: "f".repeat(64) } : frame),
  });
  expect(refusalOf(forged.dialer)).toBe("wrong-token");
  const elsewhere = run(self("n1"), self("n2"), {
    meddle: (frame) =>
      frame.type === "challenge" ? { ...frame, identity: { ...frame.identity, cluster: "other" } } : frame,
  });
  expect(refusalOf(elsewhere.dialer)).toBe("wrong-cluster");
});

test("the pair speaks the newest version that both do", () => {
  const { dialer, acceptor } = run(self("n1", { versions: [1, 4] }), self("n2", { versions: [2, 3] }));
  expect(dialer).toMatchObject({ type: "linked", version: 3 });
  expect(acceptor).toMatchObject({ type: "linked", version: 3 });
});

test("nobody in between can talk the pair down to an older version or change who is who", () => {
  const downgrade = run(self("n1", { versions: [1, 3] }), self("n2", { versions: [1, 3] }), {
    meddle: (frame) => (frame.type === "hello" ? { ...frame, versionMax: 1 } : frame),
  });
  expect(refusalOf(downgrade.acceptor)).toBe("wrong-token");
  const renamed = run(self("n1"), self("n3"), {
    meddle: (frame) => (frame.type === "hello" ? { ...frame, identity: { ...frame.identity, node: "n2" } } : frame),
  });
  expect(refusalOf(renamed.acceptor)).toBe("wrong-token");
});

test("a proof is good for one conversation and one role", () => {
  const acceptor = self("n2");
  let recorded = "";
  run(self("n1"), acceptor, {
    meddle: (frame) => {
      if (frame.type === "proof") recorded = frame.proof;
      return frame;
    },
  });
  expect(recorded).not.toBe("");
  const { send } = greet(self("n1"), "n2", "d".repeat(64));
  const again = stepHandshake(acceptor, awaitHello("b".repeat(64)), send);
  if (again.type !== "continue") throw new Error("expected a challenge");
  expect(refusalOf(stepHandshake(acceptor, again.state, { type: "proof", proof: recorded }))).toBe("wrong-token");
  const mirrored = run(self("n1"), acceptor, {
    meddle: (frame) => (frame.type === "welcome" ? { ...frame, proof: recorded } : frame),
  });
  expect(refusalOf(mirrored.dialer)).toBe("wrong-token");
});

test("an acceptor's proof is good for one conversation too: who recorded it cannot pose as the acceptor", () => {
  const recorded: HandshakeFrame[] = [];
  run(self("n1"), self("n2"), {
    meddle: (frame) => {
      recorded.push(frame);
      return frame;
    },
  });
  const [challenge, welcome] = ["challenge", "welcome"].map((type) => recorded.find((frame) => frame.type === type));
  if (challenge === undefined || welcome === undefined) throw new Error("expected a whole handshake");
  const dialer = self("n1");
  const replayed = stepHandshake(dialer, greet(dialer, "n2", "e".repeat(64)).state, challenge);
  if (replayed.type !== "continue") throw new Error("expected a proof");
  expect(refusalOf(stepHandshake(dialer, replayed.state, welcome))).toBe("wrong-token");
});

test("a second node of the same name is refused while the first is linked, one that came back is not", () => {
  const acceptor = self("n2");
  acceptor.linked.set("n1", "another-incarnation");
  expect(refusalOf(run(self("n1"), acceptor).acceptor)).toBe("duplicate-node");
  acceptor.linked.set("n1", "n1-first");
  expect(run(self("n1"), acceptor).acceptor?.type).toBe("linked");
});

test("a frame out of turn is refused in every state", () => {
  const { send, state: awaitingChallenge } = greet(self("n1"), "n2", "d".repeat(64));
  const challenged = stepHandshake(self("n2"), awaitHello("a".repeat(64)), send);
  if (challenged.type !== "continue") throw new Error("expected a challenge");
  const proven = stepHandshake(self("n1"), awaitingChallenge, challenged.send);
  if (proven.type !== "continue") throw new Error("expected a proof");
  const states = [awaitHello("a".repeat(64)), awaitingChallenge, challenged.state, proven.state];
  const frames: HandshakeFrame[] = [send, challenged.send, proven.send, { type: "welcome", proof: "" }];
  for (const [i, state] of states.entries()) {
    for (const frame of frames.filter((_, at) => at !== i)) {
      expect(refusalOf(stepHandshake(self("n2"), state, frame)), `${frame.type} while ${state.type}`).toBe(
        "unexpected-frame",
      );
    }
  }
});

test("stepHandshake() takes a knock of a peer that it dials, and of nobody else", () => {
  const knock = (node: string, cluster = "c"): HandshakeStep =>
    stepHandshake(self("n2"), awaitHello("a".repeat(64)), {
      type: "knock",
      identity: { cluster, node, incarnation: "i" },
    });
  expect(knock("n3")).toEqual({ type: "knocked", node: "n3" });
  expect(refusalOf(knock("n1"))).toBe("wrong-direction");
  expect(refusalOf(knock("n2"))).toBe("own-node");
  expect(refusalOf(knock("n9"))).toBe("unknown-node");
  expect(refusalOf(knock("n3", "other"))).toBe("wrong-cluster");
});

test("stepHandshake() refuses a knock once greetings are under way", () => {
  const dialer = greet(self("n1"), "n2", "d".repeat(64));
  const knock: HandshakeFrame = { type: "knock", identity: { cluster: "c", node: "n2", incarnation: "i" } };
  expect(refusalOf(stepHandshake(self("n1"), dialer.state, knock))).toBe("unexpected-frame");
});
