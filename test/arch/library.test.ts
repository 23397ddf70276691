/** What the package exports: everything that the runtime gives to others is public, or is named here as not. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY } from "./scratch-folder.ts";

/** Exports of the runtime that are no business of a user. */
const INTERNAL: readonly string[] = [
  // What drivers of the journal are made of.
  "CheckedJournal",
  "JournalBackend",
  "JournalMachine",
  "MemoryTable",
  "memoryBodies",
  "plainJson",
  "SnapshotContent",
  "SubmitDone",
  // What kernels of two nodes say to each other.
  "KERNEL_PATH",
  // Ports of the control plane.
  "DriverName",
  "ExitReason",
  "FoundInstance",
  "CloudInit",
  "DiskSource",
  "GuestCard",
  "GuestDisk",
  "GuestFile",
  "Hypervisor",
  "HypervisorCapabilities",
  "InstanceEvent",
  "InstanceLaunch",
  "LogRequest",
  "LogSubscription",
  "PortForward",
  "Prober",
  "ProbeResult",
  "ProbeTarget",
  "StartFailure",
  "StartResult",
  "StopResult",
  "CheckpointManifest",
  "CheckpointPart",
  "CheckpointRequest",
  "GuestMetrics",
  "GuestStream",
  "STREAM_CHUNK",
  "STREAM_WINDOW",
  "StreamEnd",
  "StreamListener",
  "StreamRequest",
  "TerminalSize",
  "GuestVerb",
  "GuestVerbs",
  "MigrationEndpoint",
  "MigrationLimits",
  "MigrationProgress",
  "MigrationRequest",
  "VerbFailure",
  "VerbRefusal",
  "VerbResult",
  "lackingVerbs",
  "NO_STREAM",
  "probeByExec",
  "LackingVerbs",
  "checkMicrovm",
  "MicrovmConfig",
  "MicrovmProblem",
  "MicrovmSurroundings",
];

/** Exports of Raft that only a simulation has a use for. */
const RAFT_INTERNAL: readonly string[] = ["brokenRules", "RAFT_RULES", "RaftGlance"];

function exportsOf(file: string): readonly string[] {
  const text = readFileSync(join(REPOSITORY, file), "utf8").replaceAll(/\/\/.*$/gm, "");
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list = ""]) => list);
  return lists.flatMap((list) => list.split(",")).flatMap((item) => /(\w+)\s*$/.exec(item)?.[1] ?? []);
}

test.each([
  ["runtime/index.ts", "library/index.ts", INTERNAL],
  ["runtime/testkit/index.ts", "library/testkit.ts", []],
  ["actors/raft/index.ts", "library/raft.ts", RAFT_INTERNAL],
  ["actors/raft/machine/index.ts", "library/raft.ts", []],
])("every export of %s is exported by %s or named as internal", (inner, outer, internal) => {
  const given = exportsOf(inner);
  const published = new Set(exportsOf(outer));
  expect(given.length).toBeGreaterThan(10);
  expect(given.filter((name) => !published.has(name)).toSorted()).toEqual(internal.toSorted());
});
