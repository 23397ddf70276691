/**
 * What a node process runs with: flags of `blixard node`, else `BLIXARD_*` variables, else defaults, checked as a whole
 * before anything starts. Every mistake is reported at once, by the name under which it was given.
 *
 * The cluster token has no flag: a command line is visible to every user of the host.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isPriority, PRIORITY_MAX } from "../actors/raft/core/priority.ts";
import type { RaftPreferences } from "../actors/raft/core/raft-options.ts";
import type { LogLevel } from "../runtime/index.ts";
import {
  type CephSettings,
  type IoLimits,
  parseIoLimits,
  parseStandbyLimits,
  parseUserRange,
  type StandbyLimits,
  type UserRange,
} from "../runtime/node/index.ts";
import { NAME_PATTERN } from "../actors/index.ts";
import { type CliError, usageError } from "./cli-error.ts";
import { parseEndpoint, type Endpoint } from "./endpoint.ts";
import { DRIVER_CHOICES, NODE_SETTINGS, type DriverChoice, type NodeSetting } from "./node-settings.ts";

export interface NodeConfig {
  /** This node's name; unique in the cluster, a lower-case DNS label. */
  readonly name: string;
  /** Nodes of another cluster are refused at the handshake. */
  readonly clusterId: string;
  /** The secret that the members share. */
  readonly token: string;
  /** Absolute path of everything that the node must not lose: log, hard state, instances. One process a folder. */
  readonly dataDir: string;
  /** Absolute path of the guest images, as `ensureGuestImage` returns it. The `process` driver needs none. */
  readonly imagesDir?: string;
  /** Where the node listens for its peers. */
  readonly listen: Endpoint;
  /** Where the node serves the REST API. */
  readonly api: Endpoint;
  /** The other members, by name, as `host:port` of their `listen`. Empty: a cluster of one. */
  readonly peers: Readonly<Record<string, string>>;
  /** APIs of nodes of a cluster that runs, which say who its members are. Empty: `peers` are all there are. */
  readonly join: readonly Endpoint[];
  /** `auto`: QEMU where it is installed, else `process`, which isolates nothing. */
  readonly driver: DriverChoice;
  /** Absolute path of the settings of Nix, which the driver `microvm-nix` needs. */
  readonly nixFile?: string;
  /** Where the ports of this node's VMs are published. */
  readonly address: string;
  /** Memory for VMs. Without it, what the host has. */
  readonly memoryMiB?: number;
  /** CPUs for VMs. Without it, what the host has. */
  readonly vcpus?: number;
  /** Absolute path of the control group below which each VM gets one that limits it. Absent: VMs take what they can. */
  readonly cgroup?: string;
  /** What each VM may do to the disk of the data folder; with `cgroup` only. Absent: what it can. */
  readonly vmIo?: IoLimits;
  /** Whose numbers VMs run as. `auto`: a range of the driver's choice where that can be had. */
  readonly vmUsers: "auto" | "off" | UserRange;
  /** Where disks of RBD are. */
  readonly ceph: Pick<CephSettings, "conf" | "user">;
  /** Bridges of the host that network cards of VMs may be ports of. */
  readonly bridges: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Who had better lead, and whether this member keeps leases for reads. */
  readonly preferences: RaftPreferences;
  /** Guests may move between hosts, with all of their memory unencrypted on the way. */
  readonly insecureMigration: boolean;
  /** How many QEMUs wait for VMs that are started from checkpoints. */
  readonly standbys: StandbyLimits;
  readonly logLevel: LogLevel;
}

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Long enough that nobody guesses it: 16 characters of base64 are 96 bits. */
const TOKEN_CHARACTERS_MIN = 16;

/** What the command line gave, by setting; commander leaves out what was not given. */
export type NodeFlags = Readonly<Partial<Record<NodeSetting, string>>>;

/** @throws CliError that names every wrong setting. */
export function readNodeConfig(flags: NodeFlags, env: Readonly<Record<string, string | undefined>>): NodeConfig {
  return new SettingsReader(flags, env).read();
}

class SettingsReader {
  readonly #flags: NodeFlags;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #problems: string[] = [];

  constructor(flags: NodeFlags, env: Readonly<Record<string, string | undefined>>) {
    this.#flags = flags;
    this.#env = env;
  }

  read(): NodeConfig {
    const name = this.#matching("name", new RegExp(NAME_PATTERN), "lower-case letters, digits and dashes, at most 63");
    const imagesDir = this.#given("imagesDir");
    const nixFile = this.#given("nix");
    const memoryMiB = this.#count("memoryMiB");
    const vcpus = this.#count("vcpus");
    const cgroup = this.#given("cgroup");
    const vmIo = this.#vmIo(cgroup);
    const config: NodeConfig = {
      name,
      clusterId: this.#matching("clusterId", /^[A-Za-z0-9._-]{1,64}$/, "1 to 64 letters, digits, dots, dashes"),
      token: this.#token(),
      dataDir: resolve(this.#required("dataDir")),
      ...(imagesDir === undefined ? {} : { imagesDir: resolve(imagesDir) }),
      listen: this.#endpoint("listen"),
      api: this.#endpoint("api"),
      peers: this.#peers(name),
      join: this.#joins(),
      driver: this.#driver(nixFile),
      ...(nixFile === undefined ? {} : { nixFile: resolve(nixFile) }),
      address: this.#matching("address", /^[A-Za-z0-9.:-]{1,253}$/, "a host name or an address without port"),
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
      ...(vcpus === undefined ? {} : { vcpus }),
      ...(cgroup === undefined ? {} : { cgroup: resolve(cgroup) }),
      bridges: this.#bridges(),
      ...(vmIo === undefined ? {} : { vmIo }),
      vmUsers: this.#vmUsers(),
      ceph: {
        conf: resolve(this.#required("cephConf")),
        user: this.#matching("cephUser", /^[A-Za-z0-9._-]{1,64}$/, 'a user of Ceph, without "client."'),
      },
      labels: Object.fromEntries(this.#pairs("labels")),
      insecureMigration: this.#oneOf("insecureMigration", ["false", "true"]) === "true",
      standbys: this.#standbys(),
      preferences: { priority: this.#priority(), leaseReads: this.#oneOf("leaseReads", ["false", "true"]) === "true" },
      logLevel: this.#oneOf("logLevel", LOG_LEVELS),
    };
    const { listen, api } = config;
    if (listen.port !== 0 && listen.port === api.port && listen.host === api.host) {
      this.#problems.push(`${this.#origin("api")} is ${api.host}:${api.port}, which is also ${this.#origin("listen")}`);
    }
    if (this.#problems.length > 0) throw this.#refusal();
    return config;
  }

  #refusal(): CliError {
    const list = this.#problems.map((problem) => `\n  - ${problem}`).join("");
    return usageError(`Cannot start the node: its settings are wrong.${list}`, 'See "blixard node --help".');
  }

  #given(setting: NodeSetting): string | undefined {
    const { variable, fallback } = NODE_SETTINGS[setting];
    const fromEnvironment = this.#env[variable];
    return this.#flags[setting] ?? (fromEnvironment === "" ? undefined : fromEnvironment) ?? fallback;
  }

  /** The name under which the user gave it, for messages. */
  #origin(setting: NodeSetting): string {
    const { flag, variable } = NODE_SETTINGS[setting];
    if (flag === undefined || (this.#flags[setting] === undefined && this.#env[variable])) return variable;
    return flag;
  }

  #wrong(setting: NodeSetting, given: string, expected: string): void {
    this.#problems.push(`${this.#origin(setting)} is "${given}", expected ${expected}`);
  }

  /** "" when it is missing, which has then been noted. */
  #required(setting: NodeSetting): string {
    const given = this.#given(setting);
    if (given !== undefined && given !== "") return given;
    const { flag, variable, description } = NODE_SETTINGS[setting];
    this.#problems.push(`${flag === undefined ? variable : `${flag} (or ${variable})`} is missing: ${description}`);
    return "";
  }

  #matching(setting: NodeSetting, pattern: RegExp, expected: string): string {
    const given = this.#required(setting);
    if (given !== "" && !pattern.test(given)) this.#wrong(setting, given, expected);
    return given;
  }

  #oneOf<T extends string>(setting: NodeSetting, choices: readonly T[]): T {
    const given = this.#required(setting);
    const choice = choices.find((candidate) => candidate === given);
    if (choice === undefined && given !== "") this.#wrong(setting, given, choices.join(", "));
    return choice ?? choices[0]!;
  }

  #driver(nixFile: string | undefined): DriverChoice {
    const driver = this.#oneOf("driver", DRIVER_CHOICES);
    if (driver === "microvm-nix" && nixFile === undefined) {
      this.#problems.push(
        `${this.#origin("nix")} is missing: the driver "microvm-nix" needs to know what VMs are built from`,
      );
    }
    return driver;
  }

  #count(setting: NodeSetting): number | undefined {
    const given = this.#given(setting);
    if (given === undefined) return undefined;
    if (!/^[1-9][0-9]{0,8}$/.test(given)) this.#wrong(setting, given, "a whole number from 1");
    return Number(given);
  }

  #vmIo(cgroup: string | undefined): IoLimits | undefined {
    const given = this.#given("vmIo");
    if (given === undefined) return undefined;
    const limits = parseIoLimits(given);
    if (limits === undefined) this.#wrong("vmIo", given, "such as read=50MiB,write=20MiB,reads=2000,writes=500");
    if (cgroup === undefined) {
      this.#problems.push(
        `${this.#origin("cgroup")} is missing: only a control group holds VMs to ${this.#origin("vmIo")}`,
      );
    }
    return limits;
  }

  #vmUsers(): NodeConfig["vmUsers"] {
    const given = this.#required("vmUsers");
    if (given === "auto" || given === "off") return given;
    const range = parseUserRange(given);
    if (range === undefined) {
      this.#wrong("vmUsers", given, 'FIRST:COUNT with numbers from 1 that fit into 32 bits, "auto" or "off"');
    }
    return range ?? "off";
  }

  #standbys(): StandbyLimits {
    const given = this.#required("standbys");
    const limits = parseStandbyLimits(given);
    if (limits === undefined) this.#wrong("standbys", given, 'COUNT or COUNT:EACH, at most 64, such as "4:2", or "0"');
    return limits ?? { count: 0, each: 0 };
  }

  #priority(): number {
    const given = this.#required("priority");
    const isWhole = /^-?[0-9]{1,2}$/.test(given);
    if (!isWhole || !isPriority(Number(given)))
      this.#wrong("priority", given, `a whole number from -${PRIORITY_MAX} to ${PRIORITY_MAX}`);
    return Number(given);
  }

  #endpoint(setting: "listen" | "api"): Endpoint {
    const given = this.#required(setting);
    const endpoint = parseEndpoint(given);
    if (endpoint === undefined && given !== "") this.#wrong(setting, given, "HOST:PORT");
    return endpoint ?? { host: "", port: 0 };
  }

  #pairs(setting: "peers" | "labels"): readonly (readonly [string, string])[] {
    const given = this.#given(setting) ?? "";
    const pairs = new Map<string, string>();
    for (const part of given.split(",").map((piece) => piece.trim())) {
      if (part === "") continue;
      const at = part.indexOf("=");
      const key = part.slice(0, at);
      if (at < 1) this.#wrong(setting, part, NODE_SETTINGS[setting].placeholder);
      else if (pairs.has(key)) this.#problems.push(`${this.#origin(setting)} names "${key}" twice`);
      else pairs.set(key, part.slice(at + 1));
    }
    return [...pairs];
  }

  #peers(self: string): Readonly<Record<string, string>> {
    const peers: Record<string, string> = {};
    const names = new Map<string, string>();
    for (const [name, address] of this.#pairs("peers")) {
      const other = names.get(address);
      names.set(address, name);
      if (!new RegExp(NAME_PATTERN).test(name)) this.#wrong("peers", name, "a node name before the =");
      else if ((parseEndpoint(address)?.port ?? 0) === 0) this.#wrong("peers", `${name}=${address}`, "NAME=HOST:PORT");
      else if (other !== undefined) {
        this.#problems.push(`${this.#origin("peers")} gives "${other}" and "${name}" the same address, ${address}`);
      } else if (name !== self) peers[name] = address;
    }
    return peers;
  }

  #joins(): readonly Endpoint[] {
    const texts = (this.#given("join") ?? "").split(",").map((piece) => piece.trim());
    return texts.flatMap((text) => {
      if (text === "") return [];
      const endpoint = parseEndpoint(text.replace(/^http:\/\//, ""));
      if (endpoint !== undefined && endpoint.port !== 0) return [endpoint];
      this.#wrong("join", text, "HOST:PORT of a node's --api");
      return [];
    });
  }

  #bridges(): readonly string[] {
    const names = (this.#given("bridges") ?? "").split(",").map((piece) => piece.trim());
    const wrong = names.find((name) => name !== "" && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(name));
    if (wrong !== undefined) this.#wrong("bridges", wrong, "names of bridges, at most 15 characters each");
    return [...new Set(names)].filter((name) => name !== "");
  }

  #token(): string {
    const file = this.#given("tokenFile");
    const token = file === undefined ? this.#required("token") : this.#readTokenFile(file);
    if (token !== "" && token.length < TOKEN_CHARACTERS_MIN) {
      const origin = this.#origin(file === undefined ? "token" : "tokenFile");
      this.#problems.push(`${origin} holds ${token.length} characters, expected ${TOKEN_CHARACTERS_MIN} or more`);
    }
    return token;
  }

  #readTokenFile(file: string): string {
    try {
      const token = readFileSync(file, "utf8").trim();
      if (token === "") this.#problems.push(`${this.#origin("tokenFile")}: "${file}" is empty`);
      return token;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#problems.push(`${this.#origin("tokenFile")}: cannot read "${file}" (${code ?? "unknown error"})`);
      return "";
    }
  }
}
