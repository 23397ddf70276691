/** docs/api is what `npm run docs:api` makes of the sources as they are, and says something about everything. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ENTRY_NAMES, readApi, type ApiEntry } from "../docs/api-model.ts";
import { renderApi, undocumented } from "../docs/render-api.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "docs", "api");

/** Types that signatures mention and users never name: what is inside of options for the simulator, and of unions. */
const INNER: Readonly<Record<string, readonly string[]>> = {
  blixard: [
    "ClusterLimits",
    "ClusterView",
    "DecisionParts",
    "Done",
    "HoldRule",
    "Kept",
    "Kept_2",
    "LeaseRule",
    "RaftRules",
    "RaftView",
    "Recipient",
    "ReplicaRequest",
    "Settings",
    "ShardRules",
    "SingletonManagerOptions",
    "Spawner",
    "Step",
  ],
  "blixard/raft": ["KnownCommit", "LogEnd", "MachineHost", "RaftGlance", "SessionListener"],
};

/** What any entry point exports: the types of one come from another now and then. */
const EXPORTED = new Set<string>();

let entries: readonly ApiEntry[] = [];

beforeAll(() => {
  entries = readApi();
  for (const { items } of entries) for (const { name } of items) EXPORTED.add(name);
}, 300_000);

test("every entry point is read", () => {
  expect(entries).toHaveLength(ENTRY_NAMES.length);
  for (const { specifier, items } of entries) expect(items.length, specifier).toBeGreaterThan(10);
});

test("every export has a comment", () => {
  for (const entry of entries) expect(undocumented(entry), entry.specifier).toEqual([]);
});

test("every type that a signature mentions can be imported, or is known to be inner", () => {
  for (const { specifier, unreachable } of entries) {
    const known = new Set(INNER[specifier] ?? []);
    const missing = unreachable.filter((name) => !known.has(name) && !EXPORTED.has(name));
    expect(missing, specifier).toEqual([]);
  }
});

test("docs/api is up to date: else run `npm run docs:api`", () => {
  for (const entry of entries) {
    const file = join(FOLDER, `${entry.specifier.replace("/", "-")}.md`);
    expect(readFileSync(file, "utf8"), file).toBe(renderApi(entry));
  }
});
