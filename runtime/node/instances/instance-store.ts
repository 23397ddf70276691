/**
 * Where instances live on disk, so that a later node process finds them.
 *
 *   STATE/instances/ID/   instance.json   what adoption needs; no environment, no files: those may be secret
 *                         guard/          lease in; claim, child and exit out (runtime/node/guard/)
 *                         console.log*    what it said
 *                         vm/             sockets of what runs it, whose own folder it is (private-driver.ts)
 *   STATE/ended/ID/       the logs and the exit of the instances that ended last
 *
 * A folder moves from the one to the other by a rename, so an instance is never in both or in neither.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { DriverName, PortForward } from "../../ports/hypervisor.ts";
import { CONSOLE_LOG, PREVIOUS_LOG } from "./console-log.ts";

/** What a virtual machine monitor itself said, as opposed to its guest. */
export const VMM_LOG = "vmm.log";

export interface InstanceRecord {
  readonly format: 1;
  readonly driver: DriverName;
  readonly instance: string;
  readonly vm: string;
  readonly ports: readonly PortForward[];
  /** Host uptime in hundredths of a second when it was started. */
  readonly startedAt: number;
  /** Number of the user and the group that run it. Absent: the node's own. */
  readonly user?: number;
}

/** Ended instances whose logs are kept; the oldest goes first. At 8 MiB of log each this is 256 MiB at the worst. */
export const ENDED_MAX = 32;
const KEPT = new Set([CONSOLE_LOG, PREVIOUS_LOG, VMM_LOG, "instance.json", "guard"]);
const RECORD = "instance.json";
/** In an instance's folder: what it may do there as it likes. */
export const PRIVATE_FOLDER = "vm";
/** Ids become folder names and host names. */
const INSTANCE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export class InstanceStore {
  readonly #instances: string;
  readonly #ended: string;
  /** By instance; read from the records when somebody asks first. */
  #users: Map<string, number | undefined> | undefined;

  constructor(stateDir: string) {
    this.#instances = join(stateDir, "instances");
    this.#ended = join(stateDir, "ended");
    for (const folder of [this.#instances, this.#ended]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Is there a folder of that instance, running or not? */
  has(instance: string): boolean {
    return isInstanceId(instance) && exists(this.folder(instance));
  }

  folder(instance: string): string {
    return join(this.#instances, instance);
  }

  endedFolder(instance: string): string {
    return join(this.#ended, instance);
  }

  /** What an earlier run of the instance said last stays readable as the older half of the log. @throws EEXIST. */
  create(record: InstanceRecord): string {
    const folder = this.folder(record.instance);
    const earlier = this.endedFolder(record.instance);
    mkdirSync(folder, { mode: 0o700 });
    this.#users?.set(record.instance, record.user);
    mkdirSync(join(folder, PRIVATE_FOLDER), { mode: 0o700 });
    if (record.user !== undefined) {
      chownSync(join(folder, PRIVATE_FOLDER), record.user, record.user);
      chownSync(folder, process.geteuid?.() ?? 0, record.user);
      // To be entered, not to be written to; `mkdir` would have left out what the node's umask does.
      chmodSync(folder, 0o710);
    }
    if (exists(join(earlier, CONSOLE_LOG))) renameSync(join(earlier, CONSOLE_LOG), join(folder, PREVIOUS_LOG));
    rmSync(earlier, { recursive: true, force: true });
    writeFileSync(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
    return folder;
  }

  /** Users that instances of this host have, running or not cleared away yet. */
  users(): ReadonlySet<number> {
    this.#users ??= new Map(this.ids().map((instance) => [instance, this.record(instance)?.user]));
    return new Set([...this.#users.values()].filter((user) => user !== undefined));
  }

  /** Ids of all folders, whatever state they are in. */
  ids(): readonly string[] {
    return readdirSync(this.#instances).filter(isInstanceId);
  }

  /** undefined when there is none or its node died while writing it: then nothing was started. */
  record(instance: string): InstanceRecord | undefined {
    if (!isInstanceId(instance)) return undefined;
    try {
      return JSON.parse(readFileSync(join(this.folder(instance), RECORD), "utf8")) as InstanceRecord;
    } catch {
      return undefined;
    }
  }

  /** The folder that holds the instance's log, running or ended. */
  logFolder(instance: string): string | undefined {
    if (!isInstanceId(instance)) return undefined;
    return [this.folder(instance), this.endedFolder(instance)].find(exists);
  }

  /** Moves an ended instance out of the way, keeps its logs only, and forgets the oldest ended ones. */
  retire(instance: string): void {
    const folder = this.folder(instance);
    if (!exists(folder)) return;
    for (const name of readdirSync(folder)) {
      if (!KEPT.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
    }
    const now = new Date();
    utimesSync(folder, now, now);
    rmSync(this.endedFolder(instance), { recursive: true, force: true });
    renameSync(folder, this.endedFolder(instance));
    this.#users?.delete(instance);
    const ended = readdirSync(this.#ended).map((name) => ({ name, atMs: changedAtMs(join(this.#ended, name)) }));
    ended.sort((a, b) => b.atMs - a.atMs);
    for (const { name } of ended.slice(ENDED_MAX)) rmSync(join(this.#ended, name), { recursive: true, force: true });
  }
}

/** Can `instance` name a folder and a guest? */
export function isInstanceId(instance: string): boolean {
  return INSTANCE_ID.test(instance);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function changedAtMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
