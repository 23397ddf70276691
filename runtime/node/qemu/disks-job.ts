/** What a checkpoint does with the disks of one running guest: which there are, what is copied of each, what that may take, and how it is frozen. */
import { type MachineContext, VerbError } from "../instances/machine-driver.ts";
import { DiskCopies } from "./disk-copies.ts";
import type { DiskStore } from "./disks.ts";
import { freezeGuest, type Frozen, UNFROZEN } from "./guest-freeze.ts";
import type { AgentLink } from "../agent/agent-link.ts";
import type { HostFacts } from "./guest-needs.ts";
import { type KeptDisk, keptDisk } from "./kept-disks.ts";
import type { MachineNote } from "./machine-note.ts";
import type { QmpControl } from "./qmp-control.ts";

export interface DisksJob {
  /** All disks of the guest; empty when it has none. */
  readonly kept: readonly KeptDisk[];
  readonly copies: DiskCopies;
  /** What the copies may take, with what all disks of the host may still take beside them. */
  readonly copyBytes: number;
  readonly freeze: () => Promise<Frozen>;
  /** The instance's, in which the copies are made. */
  readonly folder: string;
}

export interface DisksJobOptions {
  readonly note: MachineNote;
  readonly host: { readonly disks: DiskStore; readonly facts: HostFacts };
  readonly context: MachineContext;
  readonly control: QmpControl;
  readonly agent: AgentLink | undefined;
}

/** @throws {VerbError} `unsupported` for a guest with a disk that cannot be kept, naming it. */
export async function disksJob({ note, host, context, control, agent }: DisksJobOptions): Promise<DisksJob> {
  const { disk, disks = [] } = note;
  if (disk !== undefined) {
    throw new VerbError("unsupported", `it has the disk "${disk}" and was started by an older version: restart it`);
  }
  const far = disks.find(({ kind }) => kind === "rbd");
  if (far !== undefined) {
    const why = `its disk "${far.name}" is of RBD, and checkpoints keep disks of their host alone`;
    throw new VerbError("unsupported", why);
  }
  const { folder, record } = context;
  const kept: KeptDisk[] = [];
  for (const noted of disks) {
    const hashOf = (file: string): Promise<string> => host.facts.diskImage(host.disks.imagePath(noted.name, file));
    kept.push(await keptDisk(noted, hashOf));
  }
  const own = disks.filter(({ kind }) => kind !== "image");
  const copied = own.map(({ name, sizeBytes, kind }) => {
    return { name, sizeBytes, depth: kind === "overlay" ? ("top" as const) : ("full" as const) };
  });
  const bytes = own.map((noted) => host.disks.copyBytes(record.instance, noted));
  return {
    kept,
    folder,
    copies: new DiskCopies({ control, folder, user: record.user, disks: copied }),
    copyBytes: own.length === 0 ? 0 : bytes.reduce((sum, each) => sum + each, host.disks.promisedBytes),
    freeze: async () => {
      const canFreeze = agent !== undefined && own.length > 0 && (await control.status()) === "running";
      return canFreeze ? freezeGuest(agent) : UNFROZEN;
    },
  };
}
