/**
 * The smallest Ceph there is, for tests of disks of RBD: one monitor and one OSD that keeps all in memory, on loopback, with cephx, in a folder that goes
 * with it. Up in some 5 s; no manager, since images need none. For Ceph 16 (Debian 12: ceph-mon, ceph-osd, ceph-common; qemu-block-extra for QEMU).
 *
 * Its keys stand in the keyring that the monitor begins with, so none has to be asked for. Both daemons die with this process.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { poll } from "../../cli/pause.ts";
import { findExecutable } from "../../runtime/node/index.ts";
import type { CephSettings } from "../../runtime/node/index.ts";
import { SETPRIV } from "../../runtime/node/guard/command-rights.ts";
import { freePort } from "../contract/guarded-harness.ts";

const PROGRAMS = ["ceph", "rbd", "ceph-authtool", "monmaptool", "ceph-mon", "ceph-osd"];
const QEMU = "qemu-system-x86_64";
const ANSWER_MS = 20_000;
const READY_MS = 30_000;
const POLL_MS = 100;
const GONE_MS = 5_000;
/** With which VMs run; it may read and write images of the pool, and shut other clients out. */
const USER = "blixard";

const run = promisify(execFile);

/** Why it cannot be started on this host, if so: a line to skip tests by. */
export async function whyNoCeph(): Promise<string | undefined> {
  const found = await Promise.all(PROGRAMS.map(findExecutable));
  const missing = PROGRAMS.filter((_, at) => found[at] === undefined);
  if (missing.length > 0) return `there is no ${missing.join(", ")}`;
  const help = run(QEMU, ["-M", "none", "-display", "none", "-drive", "if=none,driver=rbd"]);
  const { stderr } = (await help.catch((error: unknown) => error)) as { readonly stderr: string };
  return stderr.includes("Unknown driver") ? "this QEMU has no rbd: install qemu-block-extra" : undefined;
}

export class CephCluster {
  /** In it the images are. */
  readonly pool = "vms";
  readonly settings: CephSettings;
  readonly #folder: string;
  #monitor: ChildProcess | undefined;
  #osd: ChildProcess | undefined;

  /** The caller stops it, whatever happens. */
  static async start(): Promise<CephCluster> {
    const cluster = new CephCluster(mkdtempSync(join(tmpdir(), "blixard-ceph-")));
    try {
      await cluster.#start();
    } catch (error) {
      const said = ["mon.out", "osd.out"].map((name) => cluster.#said(name)).join("");
      await cluster.stop();
      throw new Error(`Ceph does not start: ${said}`, { cause: error });
    }
    return cluster;
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.settings = { conf: join(folder, "ceph.conf"), user: USER, owner: "tests" };
  }

  /** Makes an empty image. @returns its name with the pool. */
  async image(name: string, sizeMiB: number): Promise<string> {
    const image = `${this.pool}/${name}`;
    await this.ask("rbd", "create", image, "--size", `${sizeMiB}M`);
    return image;
  }

  /** As its administrator. @returns what the program wrote. */
  async ask(program: "ceph" | "rbd", ...args: readonly string[]): Promise<string> {
    const options = { timeout: ANSWER_MS, killSignal: "SIGKILL" } as const;
    return (await run(program, ["--conf", this.settings.conf, ...args], options)).stdout;
  }

  /** Clients that have an image open to write to it. */
  async watchers(image: string): Promise<readonly string[]> {
    const { watchers } = JSON.parse(await this.ask("rbd", "status", image, "--format", "json")) as {
      readonly watchers: readonly { readonly address: string }[];
    };
    return watchers.map(({ address }) => address);
  }

  /** Those that it lets do nothing any more. */
  async shutOut(): Promise<readonly string[]> {
    const listed = await this.ask("ceph", "osd", "blocklist", "ls");
    return [...listed.matchAll(/^\S+:\d+\/\d+(?= )/gm)].map(([address]) => address);
  }

  async stop(): Promise<void> {
    for (const daemon of [this.#osd, this.#monitor]) daemon?.kill("SIGKILL");
    const isGone = (daemon: ChildProcess | undefined): boolean =>
      daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null;
    const gone = () => (isGone(this.#osd) && isGone(this.#monitor) ? true : undefined);
    await poll(gone, { everyMs: POLL_MS, timeoutMs: GONE_MS });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    const fsid = randomUUID();
    const address = `[v2:127.0.0.1:${await freePort()}/0]`;
    const { conf } = this.settings;
    for (const name of ["mon", "osd", "run"]) mkdirSync(at(name));
    writeFileSync(conf, settingsOf(this.#folder, fsid, address));
    const keys = [
      ["mon.", "mon.keyring", ["mon", "allow *"]],
      ["osd.0", "osd/keyring", ["mon", "allow profile osd"], ["osd", "allow *"]],
      ["client.admin", "ceph.client.admin.keyring", ["mon", "allow *"], ["osd", "allow *"]],
      [
        `client.${USER}`,
        `ceph.client.${USER}.keyring`,
        ["mon", "profile rbd"],
        ["osd", `profile rbd pool=${this.pool}`],
      ],
    ] as const;
    const first = at("first.keyring");
    for (const [name, keyring, ...rights] of keys) {
      const caps = rights.flatMap((right) => ["--cap", ...right]);
      await run("ceph-authtool", ["--create-keyring", at(keyring), "--gen-key", "-n", name, ...caps]);
    }
    writeFileSync(first, keys.map(([, keyring]) => readFileSync(at(keyring), "utf8")).join(""), { mode: 0o600 });
    await run("monmaptool", ["--create", "--addv", "a", address, "--fsid", fsid, at("monmap")]);
    await run("ceph-mon", ["-c", conf, "--mkfs", "-i", "a", "--monmap", at("monmap"), "--keyring", first]);
    this.#monitor = this.#daemon("mon.out", "ceph-mon", "-c", conf, "-f", "-i", "a");
    const uuid = randomUUID();
    await this.ask("ceph", "osd", "new", uuid);
    await run("ceph-osd", ["-c", conf, "-i", "0", "--mkfs", "--osd-uuid", uuid]);
    this.#osd = this.#daemon("osd.out", "ceph-osd", "-c", conf, "-f", "-i", "0");
    await this.ask("ceph", "osd", "pool", "create", this.pool, "8");
    const isUp = async (): Promise<true | undefined> =>
      (await this.ask("ceph", "osd", "stat")).includes("1 up") ? true : undefined;
    if ((await poll(isUp, { everyMs: POLL_MS, timeoutMs: READY_MS })) === undefined)
      throw new Error("its OSD is not up");
  }

  #daemon(log: string, ...command: readonly string[]): ChildProcess {
    const output = openSync(join(this.#folder, log), "a");
    try {
      return spawn(SETPRIV, ["--pdeathsig", "KILL", ...command], { stdio: ["ignore", output, output] });
    } finally {
      closeSync(output);
    }
  }

  #said(log: string): string {
    try {
      return readFileSync(join(this.#folder, log), "utf8");
    } catch {
      return "";
    }
  }
}

function settingsOf(folder: string, fsid: string, address: string): string {
  return `[global]
fsid = ${fsid}
mon_host = ${address}
mon_initial_members = a
public_network = 127.0.0.0/8
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
mon_allow_pool_size_one = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 268435456
mon_data_avail_crit = 1
run_dir = ${folder}/run
log_file = /dev/null
mon_data = ${folder}/mon
osd_data = ${folder}/osd
keyring = ${folder}/ceph.$name.keyring
[mon]
admin_socket = ${folder}/run/$name.asok
keyring = ${folder}/mon/keyring
[osd]
admin_socket = ${folder}/run/$name.asok
keyring = ${folder}/osd/keyring
`;
}
