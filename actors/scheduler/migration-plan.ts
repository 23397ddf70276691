/** What a migration would be, and why not: the decision of `migrate-vm`, made from a read of the map instead of at apply. Pure. */
import { whyNotMigrate } from "../cluster/migration-rules.ts";
import type { RefusalCode } from "../cluster/commands.ts";
import type { Node, Vm } from "../resources/index.ts";
import { survey } from "./plan.ts";

export type MigrationPlan =
  | {
      readonly ok: true;
      readonly vm: string;
      readonly from: string;
      readonly to: string;
      readonly memoryMiB: number;
      /** What is free on the target now. */
      readonly memoryFreeMiB: number;
      /** Length of the first round at that bandwidth; a guest that writes takes more of them. */
      readonly firstRoundMs: number;
    }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

export interface MigrationQuestion {
  readonly name: string;
  readonly target: string;
  readonly bandwidthBytesPerSecond: number;
}

const MIB = 1_048_576;

export function planMigration(
  view: { readonly vms: readonly Vm[]; readonly nodes: readonly Node[] },
  { name, target, bandwidthBytesPerSecond }: MigrationQuestion,
): MigrationPlan {
  const vms = new Map(view.vms.map((vm) => [vm.metadata.name, vm]));
  const nodes = new Map(view.nodes.map((node) => [node.metadata.name, node]));
  const vm = vms.get(name);
  if (vm === undefined) {
    return { ok: false, code: "not-found", message: `Cannot migrate VM "${name}": there is none of that name` };
  }
  const { instance } = vm.status;
  const source = nodes.get(instance?.node ?? "");
  const room = survey({ vms, nodes }).rooms.room(target);
  const objection = whyNotMigrate({ vm, source, target: room });
  if (objection !== null || source === undefined || instance === null || room === undefined) {
    const why = objection?.why ?? "its node is not known";
    const message = `Cannot migrate VM "${name}" to node "${target}": ${why}`;
    return { ok: false, code: objection?.code ?? "conflict", message };
  }
  const { memoryMiB } = instance.claim;
  const firstRoundMs = Math.ceil((memoryMiB * MIB * 1000) / bandwidthBytesPerSecond);
  const { memoryFreeMiB } = room;
  return { ok: true, vm: name, from: source.metadata.name, to: target, memoryMiB, memoryFreeMiB, firstRoundMs };
}
