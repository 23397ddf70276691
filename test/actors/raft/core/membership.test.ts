/** From one configuration to the next: against a model that knows only who is what, and as scripts in the manner of etcd's confchange. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  configurationFault,
  createConfiguration,
  isJoint,
  type Configuration,
} from "../../../../actors/raft/core/configuration.ts";
import { decodeConfiguration, encodeConfiguration } from "../../../../actors/raft/core/configuration-codec.ts";
import { leaveJoint, nextConfiguration, type NextConfiguration } from "../../../../actors/raft/core/membership.ts";
import type { MembershipChange } from "../../../../actors/raft/core/ready.ts";
import { describeConfiguration } from "../describe.ts";

const NAMES = [..."abcdef"];

const change: fc.Arbitrary<MembershipChange> = fc.record({
  type: fc.constantFrom("add-learner" as const, "promote" as const, "demote" as const, "remove" as const),
  member: fc.constantFrom(...NAMES),
});
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ changes: fc.array(change, { minLength: 1, maxLength: 3 }), autoLeave: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant("leave" as const) },
);

/** What each member is; whoever is not in it is none. */
type Parts = Readonly<Record<string, "voter" | "learner">>;

/** The parts after one change, or why not. */
function changeParts(parts: Parts, { type, member }: MembershipChange): Parts | string {
  const part = parts[member];
  if (type === "add-learner") return part ? "already-a-member" : { ...parts, [member]: "learner" };
  if (!part) return "not-a-member";
  if (type === "promote") return part === "voter" ? "already-a-member" : { ...parts, [member]: "voter" };
  if (type === "demote") return part === "learner" ? "already-a-member" : { ...parts, [member]: "learner" };
  return Object.fromEntries(Object.entries(parts).filter(([name]) => name !== member));
}

function votersOf(parts: Parts): readonly string[] {
  return NAMES.filter((name) => parts[name] === "voter");
}

test("whatever is changed, everybody has the part that a model gives him, and quorums of old and new meet in the joint configuration", () => {
  const seen = { joint: 0, simple: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      let configuration = createConfiguration(["a", "b", "c"]);
      let parts: Parts = { a: "voter", b: "voter", c: "voter" };
      for (const action of steps) {
        const before = configuration;
        const next: NextConfiguration =
          action === "leave" ? leaveJoint(before) : nextConfiguration(before, action.changes, action.autoLeave);
        let expected: Parts | string = parts;
        if (action === "leave") expected = isJoint(before) ? parts : "not-joint";
        else if (isJoint(before)) expected = "change-under-way";
        else {
          for (const one of action.changes) if (typeof expected !== "string") expected = changeParts(expected, one);
          if (typeof expected !== "string" && votersOf(expected).length === 0) expected = "last-voter";
        }
        if (typeof expected === "string") {
          expect(next).toMatchObject({ ok: false, code: expected });
          expect(next).toHaveProperty("message", expect.stringMatching(/^Cannot .+: .+/));
          seen.refused += 1;
          continue;
        }
        if (!next.ok) throw new Error(next.message);
        configuration = next.configuration;
        expect(configurationFault(configuration)).toBeNull();
        expect(configuration.voters).toEqual(votersOf(expected));
        const settled = expected;
        const learners = NAMES.filter((name) => settled[name] === "learner");
        expect([...configuration.learners, ...configuration.learnersNext].toSorted()).toEqual(learners);
        const votersChange = votersOf(expected).join() !== votersOf(parts).join();
        expect(configuration.votersOutgoing).toEqual(votersChange ? before.voters : []);
        if (action !== "leave") expect(configuration.autoLeave).toBe(votersChange && action.autoLeave);
        if (votersChange) seen.joint += 1;
        else seen.simple += 1;
        expectOverlap(before, configuration);
        parts = expected;
      }
    }),
    { numRuns: 400 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
});

/** Every quorum of the one shares a voter with every quorum of the other. */
function expectOverlap(one: Configuration, other: Configuration): void {
  const sets = Array.from({ length: 2 ** NAMES.length }, (_, bits) => NAMES.filter((_name, at) => bits & (1 << at)));
  const quorums = ({ voters, votersOutgoing }: Configuration): readonly (readonly string[])[] =>
    sets.filter((set) =>
      [voters, votersOutgoing].every(
        (half) => half.length === 0 || 2 * half.filter((voter) => set.includes(voter)).length > half.length,
      ),
    );
  const others = quorums(other);
  for (const quorum of quorums(one)) {
    const disjoint = others.find((set) => !set.some((name) => quorum.includes(name)));
    expect(disjoint, `${describeConfiguration(one)} and ${describeConfiguration(other)}`).toBeUndefined();
  }
}

test("who asked goes with a change to its end, and not on to the next one", () => {
  const joint = changed(createConfiguration(["a", "b", "c"]), [{ type: "remove", member: "c", askedBy: "ann" }]);
  expect([isJoint(joint), joint.askedBy]).toEqual([true, "ann"]);
  const simple = decodeConfiguration(encodeConfiguration(unwrap(leaveJoint(joint))));
  expect([isJoint(simple), simple.askedBy]).toEqual([false, "ann"]);
  const unnamed = changed(simple, [{ type: "add-learner", member: "d" }]);
  expect("askedBy" in decodeConfiguration(encodeConfiguration(unnamed))).toBe(false);
});

function changed(from: Configuration, changes: readonly MembershipChange[]): Configuration {
  return unwrap(nextConfiguration(from, changes, true));
}

function unwrap(next: NextConfiguration): Configuration {
  if (!next.ok) throw new Error(next.message);
  return next.configuration;
}

test("addresses come with a learner, and go with the member", () => {
  const from = createConfiguration(["a", "b"]);
  const added = nextConfiguration(from, [{ type: "add-learner", member: "c", address: "h:1" }], true);
  if (!added.ok) throw new Error(added.message);
  expect(added.configuration.addresses).toEqual({ c: "h:1" });
  const promoted = nextConfiguration(added.configuration, [{ type: "promote", member: "c" }], true);
  if (!promoted.ok) throw new Error(promoted.message);
  const left = leaveJoint(promoted.configuration);
  if (!left.ok) throw new Error(left.message);
  expect(left.configuration.addresses).toEqual({ c: "h:1" });
  const removed = nextConfiguration(left.configuration, [{ type: "remove", member: "c" }], true);
  if (!removed.ok) throw new Error(removed.message);
  expect(removed.configuration).toMatchObject({ votersOutgoing: ["a", "b", "c"], addresses: { c: "h:1" } });
  const gone = leaveJoint(removed.configuration);
  expect(gone.ok && gone.configuration.addresses).toEqual({});
});

const FOLDER = join(import.meta.dirname, "membership-scripts");

for (const name of readdirSync(FOLDER)) {
  test(`the configurations of ${name} are as written`, () => {
    const path = join(FOLDER, name);
    const expected = readFileSync(path, "utf8");
    const actual = runScript(expected);
    if (process.env["UPDATE"] === "1") writeFileSync(path, actual);
    else expect(actual).toBe(expected);
  });
}

/**
 * `> voters a b c` begins anew; `> simple|joint|stays KIND:MEMBER…` makes changes, of which `simple` says that they must not be joint and
 * `stays` that the joint configuration is left by `> leave` only. The line below each is the configuration then, or the refusal.
 */
function runScript(text: string): string {
  let configuration = createConfiguration(["a"]);
  const run = (line: string): string => {
    const [command = "", ...words] = line.split(/\s+/);
    if (command === "voters") {
      configuration = createConfiguration(words);
      return describeConfiguration(configuration);
    }
    const changes = words
      .map((word) => word.split(":"))
      .map(([type, member]) => ({ type, member }) as MembershipChange);
    const next =
      command === "leave" ? leaveJoint(configuration) : nextConfiguration(configuration, changes, command !== "stays");
    if (!next.ok) return `${next.code}: ${next.message}`;
    configuration = next.configuration;
    return describeConfiguration(configuration);
  };
  return text
    .split("\n")
    .flatMap((line) =>
      line.startsWith("> ") ? [line, run(line.slice(2))] : line === "" || line.startsWith("#") ? [line] : [],
    )
    .join("\n");
}
