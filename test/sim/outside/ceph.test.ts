/** A modelled Ceph: who may write to an image, what stalls, what is kept; and that its checker sees a fence that is missing. */
import { beforeEach, expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { StorageChecker } from "../../../sim/checkers/storage-checker.ts";
import type { CephClient } from "../../../sim/outside/ceph-client.ts";
import type { CephImage } from "../../../sim/outside/ceph-image.ts";
import { Ceph } from "../../../sim/outside/ceph.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

const SECOND_US = 1_000_000;
const SETTINGS = {
  ...{ replicas: 3, minReplicas: 2, graceUs: 5 * SECOND_US, watchTimeoutUs: 10 * SECOND_US },
  ...{ recoveryUs: SECOND_US, writeEveryUs: SECOND_US },
};

let timeline: Timeline;
let ceph: Ceph;
let checker: StorageChecker;
let image: CephImage;
/** Hosts that hear nobody but themselves. */
let alone: Set<number>;

function begin({ blocklists = true, seed = 1 } = {}): void {
  const random = createRandom(seed);
  timeline = new Timeline(random.fork(), new EventLog({ linesKept: 10 }));
  alone = new Set();
  ceph = new Ceph({
    hosts: {
      count: 5,
      reaches: (one, other) => one === other || (!alone.has(one) && !alone.has(other)),
      isPowered: () => true,
      powerEpoch: () => 0,
    },
    ...{ timeline, random, settings: { ...SETTINGS, blocklists } },
  });
  checker = new StorageChecker(timeline, SETTINGS.watchTimeoutUs);
  ceph.watcher = checker;
  image = ceph.image("vms/db");
}

beforeEach(() => begin());

function open(host: number): CephClient {
  return ceph.open(image, host, { writer: `guest-${host}`, vm: "db" });
}

/** What became of a write; empty: nothing yet. */
function write(client: CephClient): readonly string[] {
  const told: string[] = [];
  client.write((result, count) => void told.push(result === "ok" ? `${count}` : result));
  return told;
}

function pass(seconds: number): void {
  timeline.run(timeline.nowUs + seconds * SECOND_US);
}

/** A host without a copy of the data; and OSDs that have one, the primary first. */
function outsider(): number {
  return [0, 1, 2, 3, 4].find((host) => !image.data.osds.includes(host) && !image.header.osds.includes(host)) ?? 0;
}

test("a lock is free, is given up by who lives when it is asked for, and is broken where the watch of its owner has timed out", () => {
  const [one, other, third] = [open(0), open(1), open(2)];
  const first = write(one);
  pass(1);
  const second = write(other);
  pass(3);
  expect([first, second]).toEqual([["1"], ["2"]]);
  other.kill();
  const last = write(third);
  pass(SETTINGS.watchTimeoutUs / SECOND_US - 3);
  expect(last).toEqual([]);
  pass(6);
  expect(last).toEqual(["3"]);
  expect(checker.locked).toEqual({ free: 1, "given up": 1, broken: 1 });
  expect([...ceph.map.blocklist]).toEqual([other.id]);
  expect(timeline.failure).toBeNull();
});

test("who shuts down in order leaves no lock behind", () => {
  const one = open(0);
  write(one);
  pass(1);
  one.close();
  const told = write(open(1));
  pass(1);
  expect(told).toEqual(["2"]);
  expect(checker.locked.broken).toBe(0);
});

/** A write of a host that is cut off, whose guest is ended and followed by another one; then the host is heard again. */
function late(): void {
  const host = outsider();
  const old = open(host);
  write(old);
  pass(1);
  alone.add(host);
  write(old);
  pass(1);
  old.kill();
  const told = write(open(image.data.osds[0] as number));
  pass(20);
  expect(told).toEqual(["2"]);
  alone.delete(host);
  pass(5);
}

test("a write that was on its way when its guest was followed is refused", () => {
  late();
  expect(timeline.failure).toBeNull();
  expect(ceph.met.refused).toBeGreaterThan(0);
  expect(image.data.state.count).toBe(2);
});

test("StorageChecker sees such a write land where its client was not shut out", () => {
  begin({ blocklists: false });
  late();
  expect(timeline.failure?.invariant).toBe("writes-under-the-lock");
});

test("StorageChecker sees an earlier guest that writes by turns with a later one, as two that live do", () => {
  const [one, other] = [open(0), open(1)];
  for (const client of [one, other, one]) {
    write(client);
    pass(3);
  }
  expect(timeline.failure?.invariant).toBe("guests-write-in-turn");
});

test("below min_size nothing is written; with enough copies it is, and what comes back is refilled", () => {
  const client = open(outsider());
  write(client);
  pass(1);
  const [primary, second, third] = image.data.osds as [number, number, number];
  for (const osd of [second, third]) ceph.endOsd(osd, true);
  pass(10);
  const told = write(client);
  pass(10);
  expect(told).toEqual([]);
  expect(ceph.marks()["writes stalled below min_size"]).toBe(1);
  ceph.startOsd(second);
  pass(10);
  expect(told).toEqual(["2"]);
  expect(ceph.met.degraded).toBeGreaterThan(0);
  ceph.startOsd(third);
  pass(10);
  expect(ceph.met.recovered).toBeGreaterThan(0);
  expect(image.data.copiesWithout(primary)).toBe(2);
  expect(timeline.failure).toBeNull();
});

test("an OSD that is lost takes nothing that was acknowledged with it, and the last copy is not lost", () => {
  const client = open(outsider());
  write(client);
  pass(1);
  const [primary, second, third] = image.data.osds as [number, number, number];
  expect(ceph.loseOsd(primary)).toBe(true);
  expect(ceph.loseOsd(second)).toBe(true);
  expect(ceph.loseOsd(third)).toBe(false);
  for (const osd of [primary, second]) ceph.startOsd(osd);
  const told = write(client);
  pass(30);
  expect(told).toEqual(["2"]);
  checker.checkEnd();
  expect(timeline.failure).toBeNull();
});

test("full storage takes nothing until there is room", () => {
  const client = open(0);
  write(client);
  pass(1);
  ceph.map.used = 0.96;
  const told = write(client);
  pass(5);
  expect(told).toEqual([]);
  expect(ceph.marks()["writes stalled on full storage"]).toBe(1);
  ceph.map.used = 0.5;
  pass(2);
  expect(told).toEqual(["2"]);
});

test("an OSD that nobody hears is down after the grace, and its group goes on without it", () => {
  const client = open(outsider());
  write(client);
  pass(1);
  const [primary] = image.data.osds as [number];
  alone.add(primary);
  const told = write(client);
  pass(SETTINGS.graceUs / SECOND_US - 2);
  expect(told).toEqual([]);
  pass(10);
  expect(told).toEqual(["2"]);
});
