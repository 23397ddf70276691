/**
 * The tap devices of this host's instances: ports of the host's bridges, one for each card that names a bridge.
 *
 *   bxOOOOOOIIIIIII     "bx", six digits that are this node's own, seven made of instance and card: 15 characters, all that Linux takes
 *
 * They are made by iproute2 before QEMU starts and stay when it ends, so QEMU needs no right to make any. Whoever sees a device of the own six digits whose
 * instance has no folder any more (its node was dead when its guard ended it) takes it away: at a node's start, and before a device is made.
 *
 * The six digits stand in a file, drawn once: several nodes may share a host, in containers too, where all of their paths may be the same.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GuestCard } from "../../ports/guest-networks.ts";
import type { Logger } from "../../ports/logger.ts";
import { findExecutable } from "../find-executable.ts";
import { StartRefusal } from "../instances/machine-driver.ts";

/** Why a node cannot offer a bridge, and what would help. */
export class BridgeError extends Error {
  override readonly name = "BridgeError";
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

type TapCard = Extract<GuestCard, { kind: "tap" }>;

const IP = "ip";
const INTERFACES = "/sys/class/net";
const MARK = "tap-mark";
const MARK_DIGITS = 6;
const INSTANCE_DIGITS = 7;
/** For all devices of one call; removing one waits for the kernel's last user of it. */
const IP_MS = 10_000;
/** Of the bits in `CapEff`. */
const CAP_NET_ADMIN = 12n;

export interface TapOptions {
  readonly stateDir: string;
  /** Those that the node offers. */
  readonly bridges: readonly string[];
  readonly logger: Logger;
}

/** @throws {BridgeError} when cards cannot be made ports of these bridges. Empty: nothing is asked of the host. */
export async function checkBridges(bridges: readonly string[]): Promise<void> {
  if (bridges.length === 0) return;
  const missing = bridges.find((bridge) => !isBridge(bridge));
  if (missing !== undefined) {
    const what = existsSync(join(INTERFACES, missing)) ? `"${missing}" is no bridge` : `there is no "${missing}"`;
    throw new BridgeError(`${what} on this host`, `Make it: "ip link add ${missing} type bridge", or leave it out.`);
  }
  if (!mayAdminister()) {
    throw new BridgeError(
      "this process may make no network devices",
      "Start it as root, or with CAP_NET_ADMIN, or without --bridges.",
    );
  }
  if ((await findExecutable(IP)) === undefined) {
    throw new BridgeError('there is no "ip" to make network devices with', 'On Debian: "apt-get install iproute2".');
  }
}

export class TapDevices {
  readonly #options: TapOptions;
  readonly #mark: string;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#mark = `bx${ownMark(options.stateDir)}`;
  }

  /** Are there devices of this node, of whatever instance? */
  get any(): boolean {
    return this.#devices().length > 0;
  }

  /**
   * Makes those of an instance that does not run. `kept`: all instances of this host that run or may. `owner`: the user whose QEMU opens them; default: the
   * node's.
   * @returns their names, by the cards' names.
   * @throws {StartRefusal} `unsupported`, `failed`, naming card and bridge.
   */
  async make(
    instance: string,
    cards: readonly GuestCard[],
    { kept, owner }: { readonly kept: readonly string[]; readonly owner?: number | undefined },
  ): Promise<ReadonlyMap<string, string>> {
    const taps = cards.filter((card): card is TapCard => card.kind === "tap");
    for (const card of taps) this.#check(card);
    const other = taps.length === 0 ? undefined : this.#sharer(instance, kept);
    if (other !== undefined) {
      throw new StartRefusal("failed", `its network devices would have the names of those of instance "${other}"`);
    }
    const names = new Map(taps.map((card, at) => [card.name, this.#name(instance, at)]));
    // What an earlier run of it left, too: who starts it knows that it does not run.
    await this.collect(kept.filter((one) => one !== instance));
    if (taps.length === 0) return names;
    const failure = await this.#ip(
      taps.flatMap((card) => commands({ instance, card, device: names.get(card.name) ?? "", owner })),
    );
    if (failure === undefined) return names;
    await this.remove(instance, kept);
    const bridges = taps.map(({ bridge }) => `"${bridge}"`).join(", ");
    throw new StartRefusal("failed", `its network devices cannot be made in ${bridges}: ${failure}`);
  }

  /** Takes those of an instance away that does not run any more. `kept`: as for `make`. Never throws: what stays is found by `collect`. */
  async remove(instance: string, kept: readonly string[]): Promise<void> {
    if (this.#sharer(instance, kept) !== undefined) return;
    const own = this.#prefix(instance);
    await this.#delete(this.#devices().filter((name) => name.startsWith(own)));
  }

  /** Takes away what no instance of `kept` has. Never throws. */
  async collect(kept: readonly string[]): Promise<void> {
    const devices = this.#devices();
    if (devices.length === 0) return;
    const prefixes = kept.map((instance) => this.#prefix(instance));
    await this.#delete(devices.filter((name) => !prefixes.some((prefix) => name.startsWith(prefix))));
  }

  #check({ name, bridge }: TapCard): void {
    const { bridges } = this.#options;
    if (!bridges.includes(bridge)) {
      const offered = bridges.length === 0 ? "none" : bridges.join(", ");
      throw new StartRefusal(
        "unsupported",
        `network "${name}": this node offers no bridge "${bridge}", it offers ${offered}: start it with --bridges`,
      );
    }
    if (!isBridge(bridge)) throw new StartRefusal("failed", `network "${name}": the bridge "${bridge}" is gone`);
  }

  async #delete(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const failure = await this.#ip(names.map((name) => `link delete dev ${name}`));
    if (failure === undefined) return;
    this.#options.logger.log("warn", `Cannot remove the network devices ${names.join(", ")} of guests that are over`, {
      cause: failure,
    });
  }

  #devices(): readonly string[] {
    try {
      return readdirSync(INTERFACES).filter((name) => name.startsWith(this.#mark));
    } catch {
      // A host that shows no devices has none of ours.
      return [];
    }
  }

  /** Another instance whose devices have the same names: of 100 on a host, with a chance of one in 3,000 any two. */
  #sharer(instance: string, kept: readonly string[]): string | undefined {
    const own = this.#prefix(instance);
    return kept.find((other) => other !== instance && this.#prefix(other) === own);
  }

  /** The last digit counts the cards, so that an instance's devices are known without knowing its cards. */
  #name(instance: string, at: number): string {
    return `${this.#prefix(instance)}${at}`;
  }

  #prefix(instance: string): string {
    const digits = createHash("sha256").update(`blixard tap ${instance}`).digest("hex");
    return `${this.#mark}${digits.slice(0, INSTANCE_DIGITS - 1)}`;
  }

  /** Why it failed; undefined when it did not. */
  async #ip(lines: readonly string[]): Promise<string | undefined> {
    const ip = await findExecutable(IP);
    if (ip === undefined) return 'there is no "ip": install iproute2';
    return new Promise((resolve) => {
      // What is gone already must not keep the rest.
      const child = execFile(ip, ["-force", "-batch", "-"], { timeout: IP_MS }, (error, _, said) => {
        if (error === null) return resolve(undefined);
        const words = said.split("\n").filter((line) => line !== "" && !line.startsWith("Command failed"));
        resolve(words.join("; ") || error.message);
      });
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(`${lines.join("\n")}\n`);
    });
  }
}

/**
 * The device has the card's address but for its first byte, the highest that there is: a bridge that was given no address of its own takes the lowest of its
 * ports' addresses, which would change with every guest.
 */
function commands(of: {
  readonly instance: string;
  readonly card: TapCard;
  readonly device: string;
  readonly owner: number | undefined;
}): readonly string[] {
  const { instance, card, device, owner } = of;
  return [
    // Without an owner it would be everybody's who comes before QEMU.
    `tuntap add dev ${device} mode tap user ${owner ?? process.geteuid?.() ?? 0}`,
    `link set dev ${device} alias blixard:${instance}:${card.name}`,
    `link set dev ${device} address fe${card.mac.slice(2)} master ${card.bridge} up`,
  ];
}

function isBridge(name: string): boolean {
  return existsSync(join(INTERFACES, name, "bridge"));
}

function mayAdminister(): boolean {
  const [, bits] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  return bits !== undefined && ((BigInt(`0x${bits}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}

function ownMark(stateDir: string): string {
  const path = join(stateDir, MARK);
  const found = existsSync(path) ? readFileSync(path, "latin1").trim() : "";
  if (/^[0-9a-f]{6}$/.test(found)) return found;
  const mark = randomBytes(MARK_DIGITS / 2).toString("hex");
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(path, `${mark}\n`);
  return mark;
}
