/**
 * Where instances live on disk, so that a later node process finds them.
 *
 *   STATE/instances/ID/   instance.json   what adoption needs; no environment, no files: those may be secret
 *                         guard/          lease in; claim, child and exit out (runtime/node/guard/)
 *                         console.log*    what it said
 *                         vm/             sockets of what runs it, whose own folder it is (private-driver.ts)
 *   STATE/ended/ID/       the logs and the exit of the instances that ended last
 *   STATE/standbys/ID/    the same of what waits to become an instance (standby-pool.ts)
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
import type { GuestOrigin } from "../../ports/guest-verbs.ts";
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
  /** What it was promised. Absent: it was started by a version that did not note it. */
  readonly memoryMiB?: number;
  /** What its guest began with. Absent: as above. */
  readonly origin?: GuestOrigin;
  /** Id of the standby that it was, by which its control group is named. Absent: it was none. */
  readonly standby?: string;
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
  readonly #standbys: string;
  /** By folder; read from the records when somebody asks first. */
  #users: Map<string, number | undefined> | undefined;

  constructor(stateDir: string) {
    this.#instances = join(stateDir, "instances");
    this.#ended = join(stateDir, "ended");
    this.#standbys = join(stateDir, "standbys");
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
    this.#make(folder, record);
    this.#keepEarlierLog(record.instance);
    writeRecord(folder, record);
    return folder;
  }

  standbyIds(): readonly string[] {
    return exists(this.#standbys) ? readdirSync(this.#standbys).filter(isInstanceId) : [];
  }

  standbyFolder(id: string): string {
    return join(this.#standbys, id);
  }

  /** As `create`, of what is no instance yet. */
  createStandby(record: InstanceRecord): string {
    const folder = this.standbyFolder(record.instance);
    mkdirSync(this.#standbys, { recursive: true, mode: 0o700 });
    this.#make(folder, record);
    writeRecord(folder, record);
    return folder;
  }

  /** Makes the standby that instance, with all that is in its folder. @throws the file system's error, and it is a standby still. */
  promote(id: string, record: InstanceRecord): string {
    const [from, to] = [this.standbyFolder(id), this.folder(record.instance)];
    writeRecord(from, record);
    renameSync(from, to);
    this.#users?.delete(from);
    this.#users?.set(to, record.user);
    this.#keepEarlierLog(record.instance);
    return to;
  }

  /** Of one of which nothing runs. */
  removeStandby(id: string): void {
    rmSync(this.standbyFolder(id), { recursive: true, force: true });
    this.#users?.delete(this.standbyFolder(id));
  }

  /** Users that instances and standbys of this host have, running or not cleared away yet. */
  users(): ReadonlySet<number> {
    if (this.#users === undefined) {
      const folders = [
        ...this.ids().map((id) => this.folder(id)),
        ...this.standbyIds().map((id) => this.standbyFolder(id)),
      ];
      this.#users = new Map(folders.map((folder) => [folder, readRecord(folder)?.user]));
    }
    return new Set([...this.#users.values()].filter((user) => user !== undefined));
  }

  /** Ids of all folders, whatever state they are in. */
  ids(): readonly string[] {
    return readdirSync(this.#instances).filter(isInstanceId);
  }

  /** undefined when there is none or its node died while writing it: then nothing was started. */
  record(instance: string): InstanceRecord | undefined {
    return isInstanceId(instance) ? readRecord(this.folder(instance)) : undefined;
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
    this.#users?.delete(folder);
    const ended = readdirSync(this.#ended).map((name) => ({ name, atMs: changedAtMs(join(this.#ended, name)) }));
    ended.sort((a, b) => b.atMs - a.atMs);
    for (const { name } of ended.slice(ENDED_MAX)) rmSync(join(this.#ended, name), { recursive: true, force: true });
  }

  #make(folder: string, { user }: InstanceRecord): void {
    mkdirSync(folder, { mode: 0o700 });
    this.#users?.set(folder, user);
    mkdirSync(join(folder, PRIVATE_FOLDER), { mode: 0o700 });
    if (user === undefined) return;
    chownSync(join(folder, PRIVATE_FOLDER), user, user);
    chownSync(folder, process.geteuid?.() ?? 0, user);
    // To be entered, not to be written to; `mkdir` would have left out what the node's umask does.
    chmodSync(folder, 0o710);
  }

  #keepEarlierLog(instance: string): void {
    const [earlier, folder] = [this.endedFolder(instance), this.folder(instance)];
    if (exists(join(earlier, CONSOLE_LOG))) renameSync(join(earlier, CONSOLE_LOG), join(folder, PREVIOUS_LOG));
    rmSync(earlier, { recursive: true, force: true });
  }
}

function writeRecord(folder: string, record: InstanceRecord): void {
  writeFileSync(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
}

/** undefined when there is none, or half of one. */
function readRecord(folder: string): InstanceRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, RECORD), "utf8")) as InstanceRecord;
  } catch {
    return undefined;
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
