/**
 * A host of guests with several cards, as a process in a network namespace of its own: qemu-networks.test.ts made the namespace, its bridge and who is on the
 * other end. Says what it saw as one line of JSON.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { GuestCard, InstanceLaunch } from "../../runtime/index.ts";
import type { GuardedHypervisor } from "../../runtime/node/index.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { type DriverChoice, openDriver } from "../contract/open-driver.ts";

export interface NetworksTask {
  readonly choice: DriverChoice;
  readonly bridge: string;
  /** What the process is to run to speak from the other end. */
  readonly fromOutside: readonly string[];
  readonly port: number;
}

export interface NetworksSeen {
  readonly interfaces: string;
  readonly leased: string;
  readonly forwarded: string;
  readonly bridged: string;
  readonly devices: readonly Device[];
  readonly refused: string;
  readonly clone: {
    readonly interfaces: string;
    readonly ipv6: string;
    readonly leased: string;
    readonly bridged: string;
    readonly heard: string;
  };
  readonly own: string;
  readonly stopped: readonly Device[];
  readonly left: readonly Device[];
  readonly swept: readonly Device[];
}

interface Device {
  readonly alias: string;
  readonly bridge: string;
}

const INTERFACES = "/sys/class/net";
const LINK_LOCAL = "ip -6 -o addr show lan | awk '{print $4}'";
const SCRIPT =
  "for i in lan out; do echo $i $(cat /sys/class/net/$i/address) $(ip -4 -o addr show $i | awk '{print $4}'); done; ip route | grep -v asked; cat /etc/resolv.conf";
/** By DHCP, of which nobody says when it answers. */
const ASKED =
  "for i in $(seq 40); do a=$(ip -4 -o addr show asked | awk '{print $4}'); [ -n \"$a\" ] && break; usleep 100000; done; echo $a";
const asked = (last: number): GuestCard => ({
  ...{ name: "asked", kind: "tap", bridge: "br0", mac: `02:00:00:00:02:0${last}` },
});
const OUT: GuestCard = { name: "out", kind: "user", mac: "02:00:00:00:00:01" };

async function run(task: NetworksTask): Promise<NetworksSeen> {
  let hypervisor: GuardedHypervisor = openDriver(task.choice);
  const driver = new Driver(hypervisor);
  const lan = (last: number): GuestCard => {
    const own = { name: "lan", kind: "tap", bridge: task.bridge, mac: `02:00:00:00:01:0${last}` } as const;
    return { ...own, address: `10.1.0.${last}/24`, gateway: "10.1.0.1" };
  };
  // The one in the bridge comes first: which is which is not left to the order.
  await driver.startAndBoot(launch("i-own", task.port, [lan(5), OUT, asked(5)]));
  const interfaces = await inside(driver, "i-own", SCRIPT);
  const leased = await inside(driver, "i-own", ASKED);
  const forwarded = await (await fetch(`http://127.0.0.1:${task.port}/`)).text();
  const bridged = await page(task, "10.1.0.5");
  const devices = devicesHere();
  const other = { ...lan(7), bridge: "br9" } as GuestCard;
  const refusal = await driver.start(launch("i-other", task.port + 1, [other]));
  const refused = refusal.ok ? "started" : refusal.message;
  const kept = await driver.ask<{ ok: boolean }>((done) =>
    hypervisor.verbs.checkpoint({ instance: "i-own", id: "c" }, done),
  );
  if (!kept.ok) throw new Error(JSON.stringify(kept));
  // What the bridge hears of its address now, it hears from the clone.
  await driver.pause("i-own");
  const fresh = { from: { type: "checkpoint", id: "c", identity: "fresh" } } as const;
  const cards = [lan(6), { ...OUT, mac: "02:00:00:00:00:02" }, asked(6)];
  const started = await driver.start({ ...launch("i-clone", task.port + 1, cards), ...fresh });
  if (!started.ok) throw new Error(started.message);
  const clone = {
    interfaces: await inside(driver, "i-clone", SCRIPT),
    ipv6: await inside(driver, "i-clone", LINK_LOCAL),
    leased: await inside(driver, "i-clone", ASKED),
    bridged: await page(task, "10.1.0.6"),
    heard: await heardFrom(`blixard:i-clone:lan`),
  };
  await driver.resume("i-own");
  // The clone took nothing from it.
  const own = await page(task, "10.1.0.5");
  await driver.stop("i-own", 0);
  const stopped = devicesHere();
  // Its node is gone when its guest ends.
  hypervisor.close();
  process.kill(started.pid, "SIGKILL");
  const left = devicesHere();
  hypervisor = openDriver(task.choice);
  const untilMs = performance.now() + 10_000;
  // Only counted: one may go while it is looked at.
  while (ours().length > 0 && performance.now() < untilMs) await new Promise((done) => setTimeout(done, 20));
  const swept = devicesHere();
  hypervisor.close();
  return { interfaces, leased, forwarded, bridged, devices, refused, clone, own, stopped, left, swept };
}

function launch(instance: string, port: number, networks: readonly GuestCard[]): InstanceLaunch {
  return idleLaunch(instance, {
    vm: "web",
    // It has something to send at any moment, at the first after a restore, too.
    command: ["sh", "-c", "ping -i 0.01 10.1.0.1 >/dev/null & exec httpd -f -p 80 -h /srv"],
    files: [{ path: "/srv/index.html", content: "a page", mode: "0644" }],
    ports: [{ name: "http", guestPort: 80, hostAddress: "127.0.0.1", hostPort: port }],
    networks,
  });
}

async function inside(driver: Driver, instance: string, script: string): Promise<string> {
  const recorder = driver.run(instance, script);
  await recorder.ended;
  return recorder.out + recorder.err;
}

/** By a process on the other end; the namespace is its own alone. */
function page({ fromOutside }: NetworksTask, address: string): Promise<string> {
  const script = `fetch("http://${address}/").then(async (answer) => process.stdout.write(await answer.text()))`;
  return said([...fromOutside, process.execPath, "-e", script]);
}

/** Whom the bridge heard from the device of that name. */
async function heardFrom(alias: string): Promise<string> {
  const device = ours().find((name) => aliasOf(name) === alias) ?? "none";
  const table = await said(["bridge", "fdb", "show", "dev", device]);
  const learned = table.split("\n").filter((line) => line.includes("master") && !/permanent|static/.test(line));
  return learned.map((line) => line.split(" ")[0]).join(" ");
}

function devicesHere(): readonly Device[] {
  const devices = ours().map((name) => ({
    alias: aliasOf(name),
    bridge: basename(readlinkSync(join(INTERFACES, name, "master"))),
  }));
  return devices.toSorted((a, b) => (a.alias < b.alias ? -1 : 1));
}

function ours(): readonly string[] {
  return readdirSync(INTERFACES).filter((name) => name.startsWith("bx"));
}

function aliasOf(name: string): string {
  return readFileSync(join(INTERFACES, name, "ifalias"), "latin1").trim();
}

async function said([program = "", ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 10_000 }, (error, out, err) => resolve(error === null ? out : `${out}${err}`));
  });
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? "") as NetworksTask)));
process.exit(0);
