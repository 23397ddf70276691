/** docs/errors.md lists every code that the sources declare, and no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { API_ERROR_STATUS } from "../../api/index.ts";
import { REFUSAL_CODES } from "../../transport/refusal.ts";
import { REPOSITORY } from "./scratch-folder.ts";

/** By heading of the document: the codes of the sources. */
const DECLARED: Readonly<Record<string, readonly string[]>> = {
  StoreError: unionOf("StoreErrorCode", "runtime/ports/store-error.ts"),
  BehaviorError: unionOf("BehaviorErrorCode", "runtime/behavior-error.ts"),
  AskFailure: unionOf("AskFailure", "runtime/ask-result.ts"),
  DeadLetterReason: unionOf("DeadLetterReason", "runtime/inspection.ts"),
  SpawnRefusal: unionOf("SpawnRefusal", "runtime/remote/spawner.ts"),
  DeliveryError: unionOf("DeliveryErrorCode", "runtime/delivery/delivery-error.ts"),
  PersistenceError: unionOf("PersistenceErrorCode", "runtime/persistence/persistence-error.ts"),
  TransportError: unionOf("TransportErrorCode", "transport/node/transport-error.ts"),
  "Connection refusal": REFUSAL_CODES,
  ListenError: unionOf("ListenErrorCode", "api/listen-error.ts"),
  ApiError: [...Object.keys(API_ERROR_STATUS), ...unionOf("ClientErrorCode", "api/api-error.ts")],
  "Command refusal": unionOf("RefusalCode", "actors/cluster/commands.ts"),
  MachineFailure: unionOf("MachineFailure", "actors/raft/machine/machine-protocol.ts"),
  "Raft refusal": [
    ...new Set([
      ...unionOf("RefusalReason", "actors/raft/refusals.ts"),
      ...unionOf("RaftRefusal", "actors/raft/core/refusals.ts"),
    ]),
  ],
  StartFailure: unionOf("StartFailure", "runtime/ports/hypervisor.ts"),
};

/** Types are gone when code runs, so this reads the text of the declaration. */
function unionOf(type: string, path: string): readonly string[] {
  const text = read(path).replaceAll(/\/\*\*.*?\*\//gs, "");
  const [, union = ""] = new RegExp(`^export type ${type} =([^;]*);`, "m").exec(text) ?? [];
  return [...union.matchAll(/"([a-z-]+)"/g)].map(([, code = ""]) => code);
}

function documented(): Record<string, string[]> {
  const sections = read("docs/errors.md").split(/^## /m).slice(1);
  return Object.fromEntries(
    sections.map((section) => [
      section.slice(0, section.indexOf("\n")),
      [...section.matchAll(/^\| `([a-z-]+)` \| \S.* \| \S.* \|$/gm)].map(([, code = ""]) => code),
    ]),
  );
}

function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

function sorted(lists: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(lists).map(([name, codes]) => [name, codes.toSorted()]));
}

test("codes are found in every source that declares some", () => {
  for (const [name, codes] of Object.entries(DECLARED)) expect(codes.length, name).toBeGreaterThan(2);
});

test("docs/errors.md lists every code once, and no other", () => {
  expect(sorted(documented())).toEqual(sorted(DECLARED));
});
