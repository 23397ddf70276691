/** Makes and loses taps in the network namespace that taps.test.ts runs it in, and says what it saw as one line of JSON. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { GuestCard } from "../../../../runtime/index.ts";
import { StartRefusal } from "../../../../runtime/node/instances/machine-driver.ts";
import { TapDevices } from "../../../../runtime/node/qemu/taps.ts";

export interface TapsTask {
  readonly stateDir: string;
  /** Two instances whose devices would have one name. */
  readonly sharers: readonly [string, string];
  readonly user: number;
}

export interface TapsSeen {
  /** Number of the user who may open the device, for an instance without a user of its own and for one with. */
  readonly owners: readonly string[];
  readonly shared: string;
  /** Is the first one's device there still, once the second one was refused and cleared away? */
  readonly stays: boolean;
  readonly gone: string;
  readonly collected: readonly string[];
}

const IP = "ip";
const INTERFACES = "/sys/class/net";

async function see({ stateDir, sharers, user }: TapsTask): Promise<TapsSeen> {
  const taps = new TapDevices({ stateDir, bridges: ["br0"], logger: { log: () => undefined } });
  const card: GuestCard = { name: "lan", kind: "tap", bridge: "br0", mac: "02:00:00:00:00:01" };
  const ip = (...args: readonly string[]): unknown => execFileSync(IP, args, { stdio: "pipe" });
  const refusal = async (making: Promise<unknown>): Promise<string> =>
    making.then(
      () => "made",
      (error: unknown) => (error instanceof StartRefusal ? error.message : String(error)),
    );
  ip("link", "add", "br0", "type", "bridge");
  const [first, second] = sharers;
  const kept = [first, "i-own"];
  const devices = [
    (await taps.make(first, [card], { kept })).get("lan") ?? "",
    (await taps.make("i-own", [card], { kept, owner: user })).get("lan") ?? "",
  ];
  const owners = devices.map((device) => readFileSync(`${INTERFACES}/${device}/owner`, "latin1").trim());
  const shared = await refusal(taps.make(second, [card], { kept: [...kept, second] }));
  await taps.remove(second, [...kept, second]);
  const stays = existsSync(`${INTERFACES}/${devices[0]}`);
  ip("link", "delete", "br0");
  const gone = await refusal(taps.make("i-late", [card], { kept }));
  await taps.collect([]);
  const collected = readdirSync(INTERFACES).filter((name) => name.startsWith("bx"));
  return { owners, shared, stays, gone, collected };
}

console.log(JSON.stringify(await see(JSON.parse(process.argv[2] ?? "") as TapsTask)));
