/** Configurations: what is one, as bytes and back, and which of those in a log counts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeConfiguration, encodeConfiguration } from "../../../../actors/raft/core/configuration-codec.ts";
import { ConfigurationHistory } from "../../../../actors/raft/core/configuration-history.ts";
import {
  allMembers,
  configurationFault,
  createConfiguration,
  EMPTY_CONFIGURATION,
  isMember,
  isVoter,
  type Configuration,
} from "../../../../actors/raft/core/configuration.ts";
import { jsonCodec, type LogEntry } from "../../../../runtime/index.ts";

const NAMES = [..."abcdef"];

/** Any lists at all, right and wrong ones. */
const lists = fc.record({
  voters: fc.subarray(NAMES, { maxLength: 4 }),
  votersOutgoing: fc.oneof(fc.constant([]), fc.subarray(NAMES, { maxLength: 3 })),
  learners: fc.subarray(NAMES, { maxLength: 2 }),
  learnersNext: fc.oneof(fc.constant([]), fc.subarray(NAMES, { maxLength: 2 })),
  autoLeave: fc.boolean(),
});

test("createConfiguration() refuses nobody and doubles", () => {
  expect(() => createConfiguration([])).toThrow("no voters");
  expect(() => createConfiguration(["a", "b", "a"])).toThrow('voter "a" is named twice');
});

test("configurationFault() names what is wrong", () => {
  const joint = { ...EMPTY_CONFIGURATION, voters: ["a", "b"], votersOutgoing: ["a", "c"] };
  expect(configurationFault(EMPTY_CONFIGURATION)).toBeNull();
  expect(configurationFault({ ...joint, autoLeave: true, learners: ["d"], learnersNext: ["c"] })).toBeNull();
  const fault = (change: Partial<Configuration>): string | null => configurationFault({ ...joint, ...change });
  expect(fault({ voters: ["b", "a"] })).toBe('voters has "a" out of order, twice or without a name');
  expect(fault({ learners: ["d", "d"] })).toBe('learners has "d" out of order, twice or without a name');
  expect(fault({ voters: ["", "a"] })).toBe('voters has "" out of order, twice or without a name');
  expect(fault({ learners: ["c"] })).toBe('"c" is a voter and a learner');
  expect(fault({ learnersNext: ["a"] })).toContain('"a" is to become a learner');
  expect(fault({ learnersNext: ["d"] })).toContain('"d" is to become a learner');
  expect(fault({ votersOutgoing: [], autoLeave: true })).toBe("it is not joint, and is to be left");
  expect(fault({ voters: [] })).toBe("it has members and no voter");
  expect(fault({ addresses: { x: "h:1" } })).toBe('it has an address of "x", who is no member');
});

test("a configuration without fault counts each member once, and comes back from its bytes as it was", () => {
  let right = 0;
  fc.assert(
    fc.property(lists, ({ ...parts }) => {
      const addresses = Object.fromEntries([...parts.voters, ...parts.learners].map((name) => [name, `${name}é:1`]));
      const configuration: Configuration = { ...parts, addresses };
      if (configurationFault(configuration) !== null) {
        expect(() => decodeConfiguration(encodeConfiguration(configuration))).toThrow(
          "Cannot read a Raft configuration",
        );
        return;
      }
      right += 1;
      expect(decodeConfiguration(encodeConfiguration(configuration))).toEqual(configuration);
      const members = allMembers(configuration);
      expect(new Set(members).size).toBe(members.length);
      for (const name of NAMES) expect(isMember(configuration, name)).toBe(members.includes(name));
      for (const learner of configuration.learners) expect(isVoter(configuration, learner)).toBe(false);
    }),
    { numRuns: 1000 },
  );
  expect(right).toBeGreaterThan(50);
});

test("decodeConfiguration() refuses by name what is no configuration", () => {
  const good = { ...EMPTY_CONFIGURATION, voters: ["a"] };
  const decode = (value: unknown) => () => decodeConfiguration(jsonCodec.encode(value));
  expect(() => decodeConfiguration(new Uint8Array([1, 2, 3]))).toThrow("of 3 bytes: they are no JSON object");
  expect(() => decodeConfiguration(new Uint8Array(0))).toThrow("they are no JSON object");
  expect(decode(null)).toThrow("they are no JSON object");
  expect(decode({ ...good, voters: "a" })).toThrow("voters is no list of members");
  expect(decode({ ...good, learners: [1] })).toThrow("learners is no list of members");
  expect(decode({ ...good, autoLeave: 1 })).toThrow("autoLeave is no boolean");
  expect(decode({ ...good, addresses: { a: 1 } })).toThrow("addresses is no record of texts");
  expect(decode({ ...good, addresses: ["a"] })).toThrow("addresses is no record of texts");
  expect(decode({ ...good, learners: ["a"] })).toThrow('"a" is a voter and a learner');
  expect(decode({ ...good, later: 1 })()).toEqual(good);
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("append" as const), voter: fc.constantFrom(...NAMES), gap: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("truncate" as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("compact" as const), ahead: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), ahead: fc.nat(6) }) },
);

test("the last configuration in the log counts, whatever is appended, truncated, compacted or replaced (fault 32)", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const born = createConfiguration(["born"]);
      const history = new ConfigurationHistory(born, 0);
      /** The log as an array of what each index holds; a command holds null. */
      let base = 0;
      let baseConfiguration = born;
      let log: (Configuration | null)[] = [];
      for (const action of steps) {
        const last = base + log.length;
        if (action.do === "append") {
          const configuration = createConfiguration([action.voter]);
          log.push(...Array.from({ length: action.gap }, () => null), configuration);
          history.appended(entryAt(last + action.gap + 1, configuration));
        } else if (action.do === "truncate") {
          log = log.slice(0, Math.max(0, log.length - action.back));
          history.truncated(base + log.length + 1);
        } else if (action.do === "compact") {
          const count = Math.min(action.ahead, log.length);
          baseConfiguration = log.slice(0, count).findLast((held) => held !== null) ?? baseConfiguration;
          log = log.slice(count);
          base += count;
          history.compacted(base);
        } else {
          base = last + action.ahead;
          baseConfiguration = createConfiguration([`reset${base}`]);
          log = [];
          history.reset(baseConfiguration, base);
        }
        const at = log.findLastIndex((held) => held !== null);
        expect(history.inForce).toEqual(log[at] ?? baseConfiguration);
        expect(history.index).toBe(at < 0 ? base : base + at + 1);
        for (let index = base; index <= base + log.length; index++) {
          const held = log.slice(0, index - base).findLast((one) => one !== null) ?? baseConfiguration;
          expect(history.asOf(index)).toEqual(held);
        }
      }
    }),
  );
});

function entryAt(index: number, configuration: Configuration): LogEntry {
  return { index, term: 1, type: "configuration", payload: encodeConfiguration(configuration) };
}
