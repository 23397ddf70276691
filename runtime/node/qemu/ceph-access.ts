/**
 * The Ceph cluster whose images are disks of this host's guests: asked with the key of one user of it, which each QEMU is given a copy of.
 *
 *   DIR/NAME.conf               where its monitors are; /etc/ceph/ceph.conf by default
 *   DIR/NAME.client.USER.keyring   the key, as `ceph auth get-or-create` writes it; nobody but the node need be able to read it
 *
 * **QEMU gets both as files of its instance's folder**, which its user may read and which go once it has: the configuration as it is, the key as a secret
 * object. So neither /etc/ceph nor the keyring has to be open to users of VMs, and a guest that breaks out of its QEMU later finds no file. The key itself
 * is in that QEMU's memory: what it may do is what Ceph lets USER do, so USER had better be nobody who administers Ceph.
 *
 * Source: ceph.conf(5), "keyring"; QEMU, block/rbd.c, `qemu_rbd_set_auth`; qapi/crypto.json, `secret`.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findExecutable } from "../find-executable.ts";
import { StartRefusal } from "../instances/machine-driver.ts";

export interface CephSettings {
  /** Absolute path. */
  readonly conf: string;
  /** Without "client.". */
  readonly user: string;
  /** Whose VMs these are, where VMs of several clusters have images there. */
  readonly owner: string;
}

export const CEPH_DEFAULTS: CephSettings = { conf: "/etc/ceph/ceph.conf", user: "admin", owner: "" };

/** In an instance's folder, until its QEMU has read them. */
export const CEPH_FILES = { conf: "ceph.conf", key: "ceph.key" } as const;

/** What the key is called in QEMU. */
export const CEPH_SECRET = "ceph";

/** Of ceph-common. */
export type CephProgram = "rbd" | "ceph";

/** Tens of milliseconds where Ceph answers, a second where its monitors have to agree; where they do not answer, it would be five minutes. */
const ANSWER_MS = 15_000;
/** ENOENT, as Ceph's programs end with it. */
const MISSING_STATUS = 2;

/** What a program of Ceph was asked for and did not do. */
export class CephError extends Error {
  override readonly name = "CephError";
  /** What was named is not there. */
  readonly isMissing: boolean;

  constructor(message: string, isMissing: boolean, cause?: unknown) {
    super(message, { cause });
    this.isMissing = isMissing;
  }
}

export class CephAccess {
  readonly #settings: CephSettings;

  constructor(settings: CephSettings) {
    this.#settings = settings;
  }

  get user(): string {
    return this.#settings.user;
  }

  get owner(): string {
    return this.#settings.owner;
  }

  /** Writes what a QEMU reads into its instance's folder. @throws {StartRefusal} naming the file that is missing or wrong. */
  layFiles(folder: string): void {
    const { conf } = this.#settings;
    const files = { [CEPH_FILES.conf]: read(conf), [CEPH_FILES.key]: this.#key() };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 });
  }

  /** What the program wrote. @throws {StartRefusal} when it is not installed. @throws {CephError} */
  async run(program: CephProgram, args: readonly string[]): Promise<string> {
    const { conf, user } = this.#settings;
    const path = await findExecutable(program);
    if (path === undefined) {
      const why = `there is no "${program}", which keeps two hosts from writing to one image: install the package ceph-common`;
      throw new StartRefusal("hypervisor-missing", why);
    }
    const words = ["--conf", conf, "--id", user, "--keyring", this.#keyring, ...args];
    return new Promise((resolve, reject) => {
      execFile(path, words, { timeout: ANSWER_MS, killSignal: "SIGKILL" }, (error, said, complaints) => {
        if (error === null) return resolve(said);
        const what = `"${program} ${args.join(" ")}"`;
        const why =
          error.killed === true ? `Ceph did not answer it within ${ANSWER_MS / 1000} s` : complaintIn(complaints);
        reject(new CephError(`${what}: ${why}`, error.code === MISSING_STATUS, error));
      });
    });
  }

  get #keyring(): string {
    const { conf, user } = this.#settings;
    return join(dirname(conf), `${basename(conf, ".conf")}.client.${user}.keyring`);
  }

  #key(): string {
    const { user } = this.#settings;
    const keyring = read(this.#keyring);
    const sections = keyring.split(/^\s*(?=\[)/m);
    const own = sections.find((section) => section.startsWith(`[client.${user}]`));
    const key = /^\s*key\s*=\s*([A-Za-z0-9+/]+=*)\s*$/m.exec(own ?? "")?.[1];
    if (key !== undefined) return key;
    throw new StartRefusal("unsupported", `${this.#keyring} holds no key of client.${user}`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = `${path} cannot be read (${(error as NodeJS.ErrnoException).code}): put it there, or name another with --ceph-conf and --ceph-user`;
    throw new StartRefusal("unsupported", why, error);
  }
}

/** Libraries of Ceph write lines of their own before and after the one that says what went wrong. */
function complaintIn(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.findLast((line) => /\b(rbd:|Error)/.test(line)) ?? lines.at(-1) ?? "it said nothing";
}
