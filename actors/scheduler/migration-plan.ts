/** What a move would be, and all that is in its way: the decision of `migrate-vm` and `move-vm`, made from a read of the map instead of at apply. Pure. */
import { moveChecks, whyNotMigrate, type MoveCheck, type MoveHow } from "../cluster/migration-rules.ts";
import type { RefusalCode } from "../cluster/commands.ts";
import type { Checkpoint, Node, Vm } from "../resources/index.ts";
import { lacks } from "./feasible.ts";
import { survey } from "./plan.ts";

export interface MigrationPlan {
  readonly ok: boolean;
  readonly vm: string;
  readonly how: MoveHow;
  readonly from: string;
  readonly to: string;
  readonly memoryMiB: number;
  /** What is free on the target now. */
  readonly memoryFreeMiB: number;
  /** Live: length of the first round at that bandwidth; a guest that writes takes more of them. Cold: 0. */
  readonly firstRoundMs: number;
  /** Each that was looked at; `why` says what is wrong, and is empty where nothing is. */
  readonly checks: readonly { readonly what: MoveCheck["what"]; readonly why: string; readonly found: string }[];
  /** Of the first that is in its way, as the refusal would have it. Null when it could. */
  readonly code: RefusalCode | null;
  /** Why not, as the refusal would say it; empty when it could. */
  readonly message: string;
  /** Whether it could by stop and start where it cannot live. */
  readonly coldWould: boolean;
}

/** There is no such VM, it runs nowhere, or there is no such node. */
export interface NoMigrationPlan {
  readonly code: RefusalCode;
  readonly message: string;
}

export interface MigrationQuestion {
  readonly name: string;
  readonly target: string;
  readonly how: MoveHow;
  readonly bandwidthBytesPerSecond: number;
}

const MIB = 1_048_576;

export function planMigration(
  view: { readonly vms: readonly Vm[]; readonly nodes: readonly Node[]; readonly checkpoints: readonly Checkpoint[] },
  { name, target, how, bandwidthBytesPerSecond }: MigrationQuestion,
): MigrationPlan | NoMigrationPlan {
  const vms = byName(view.vms);
  const nodes = byName(view.nodes);
  const verb = how === "live" ? "migrate" : "move";
  const vm = vms.get(name);
  if (vm === undefined) {
    return { code: "not-found", message: `Cannot ${verb} VM "${name}": there is none of that name` };
  }
  const { instance } = vm.status;
  const source = nodes.get(instance?.node ?? "");
  const checkpoint = byName(view.checkpoints).get(vm.spec.checkpoint ?? "");
  const room = survey({ vms, nodes }).rooms.room(target);
  const sides = { vm, source, target: room, checkpoint };
  const cannot = `Cannot ${verb} VM "${name}" to node "${target}"`;
  if (instance === null || source === undefined || room === undefined) {
    const { code = "conflict", why = "its node is not known" } = whyNotMigrate(sides, how) ?? {};
    return { code, message: `${cannot}: ${why}` };
  }
  const lack = (asked: MoveHow): string | null => (asked === "cold" ? lacks(vm, room) : null);
  const looked = moveChecks(sides, how).map((check): MoveCheck => {
    const driver = check.what === "nodes" && check.why === null ? lack(how) : null;
    return driver === null ? check : { ...check, why: `the node ${driver}`, code: "invalid" };
  });
  const objection = looked.find((check) => check.why !== null);
  const why = objection?.why ?? "";
  const { memoryMiB } = instance.claim;
  return {
    ok: why === "",
    ...{ vm: name, how, from: source.metadata.name, to: target, memoryMiB },
    memoryFreeMiB: room.memoryFreeMiB,
    firstRoundMs: how === "cold" ? 0 : Math.ceil((memoryMiB * MIB * 1000) / bandwidthBytesPerSecond),
    checks: looked.map((check) => ({ what: check.what, why: check.why ?? "", found: check.found })),
    code: objection?.code ?? null,
    message: why === "" ? "" : `${cannot}: ${why}`,
    coldWould: how === "live" && whyNotMigrate(sides, "cold") === null && lack("cold") === null,
  };
}

function byName<Of extends Vm | Node | Checkpoint>(resources: readonly Of[]): ReadonlyMap<string, Of> {
  return new Map(resources.map((resource) => [resource.metadata.name, resource]));
}
