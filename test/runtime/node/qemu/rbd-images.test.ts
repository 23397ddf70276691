/** Who may write to an image, told by a Ceph that is played. With a real one, and guests: test/integration/qemu-rbd.test.ts. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { GuestDisk, Logger } from "../../../../runtime/index.ts";
import { CephError } from "../../../../runtime/node/qemu/ceph-access.ts";
import { RbdImages } from "../../../../runtime/node/qemu/rbd-images.ts";

const DISKS: readonly GuestDisk[] = [
  { name: "data", source: { type: "rbd", pool: "vms", image: "web" }, readOnly: false },
  { name: "local", sizeMiB: 1, readOnly: false },
];
const A = "10.0.0.1:0/1";
const B = "10.0.0.2:0/2";
const C = "10.0.0.3:0/3";
const WEB = { vm: "web", moves: false, stands: () => stands };

let watchers: string[];
let owner: string | undefined;
let shutOut: string[];
let logged: string[];
let images: RbdImages;
/** Does the guest's lease? */
let stands: boolean;

beforeEach(() => {
  [watchers, owner, shutOut, logged, stands] = [[], undefined, [], [], true];
  const logger: Logger = { log: (level, message) => void logged.push(`${level}: ${message}`) };
  const run = async (program: string, args: readonly string[]): Promise<string> => {
    const line = [program, ...args].join(" ");
    if (line === "rbd status vms/web --format json") {
      return JSON.stringify({ watchers: watchers.map((address) => ({ address, client: 4, cookie: 5 })) });
    }
    if (line === "rbd image-meta get vms/web blixard.owner") {
      if (owner === undefined) throw new CephError("no such key", true);
      return `${owner}\n`;
    }
    if (line.startsWith("rbd image-meta set vms/web blixard.owner ")) owner = args[4];
    else if (line.startsWith("ceph osd blocklist add ")) {
      shutOut.push(args[3] ?? "");
      watchers = watchers.filter((client) => client !== args[3]);
    } else throw new CephError(`${line}: what is that?`, false);
    return "";
  };
  images = new RbdImages({ owner: "rack", run }, logger);
});

afterEach(() => void vi.useRealTimers());

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "it was not refused",
    (error: unknown) => error,
  );
}

test("admit() finds a free image, and settle() writes down whose it is", async () => {
  const admitted = await images.admit(DISKS, WEB);
  expect(admitted).toEqual([{ disk: "data", image: "vms/web", before: [] }]);
  watchers = [A];
  await images.settle(admitted, "web", false);
  expect([owner, shutOut]).toEqual([`rack/web ${A}`, []]);
});

test("admit() shuts out an earlier run of the same VM, and nobody else: the start is refused then", async () => {
  const disk = 'disk "data": the image vms/web is in use by';
  [watchers, owner] = [[A], `rack/web ${A}`];
  expect(await images.admit(DISKS, WEB)).toMatchObject([{ before: [] }]);
  expect(shutOut).toEqual([A]);
  const wrong = [
    [[B], `rack/api ${B}`, `${disk} VM "rack/api", client ${B} of Ceph: end it first`],
    [[B], `other/web ${B}`, `${disk} VM "other/web", client ${B} of Ceph: end it first`],
    [[B], `rack/web ${A}`, `${disk} somebody who is no VM that is recorded in it, client ${B} of Ceph: end it first`],
    [
      [A, B],
      `rack/web ${A}`,
      `${disk} somebody who is no VM that is recorded in it, client ${B} of Ceph: end it first`,
    ],
    [[B], undefined, `${disk} somebody who is no VM that is recorded in it, client ${B} of Ceph: end it first`],
  ] as const;
  for (const [open, whose, message] of wrong) {
    [watchers, owner] = [[...open], whose];
    expect(await refusal(images.admit(DISKS, WEB))).toMatchObject({ code: "failed", message });
  }
  expect(shutOut).toEqual([A]);
});

test("settle() refuses when two have come at the same moment, or none is known", async () => {
  watchers = [A, B];
  expect(await refusal(images.settle([{ disk: "data", image: "vms/web", before: [] }], "web", false))).toMatchObject({
    message: `disk "data": somebody opened the image vms/web at the same moment, client ${A} or ${B} of Ceph`,
  });
  watchers = [];
  expect(await refusal(images.settle([{ disk: "data", image: "vms/web", before: [] }], "web", false))).toMatchObject({
    message: 'disk "data": Ceph does not know that QEMU has the image vms/web open',
  });
  expect(owner).toBeUndefined();
});

test("a guest that moves leaves its image to whom it comes from until takeOver(), which shuts that one out", async () => {
  [watchers, owner] = [[A], `rack/web ${A}`];
  const admitted = await images.admit(DISKS, { ...WEB, moves: true });
  expect(admitted).toMatchObject([{ before: [A] }]);
  watchers = [A, C];
  await images.settle(admitted, "web", true);
  expect([owner, shutOut]).toEqual([`rack/web ${A}`, []]);
  expect(await images.takeOver(admitted, WEB)).toBe(true);
  expect([owner, shutOut, logged]).toEqual([`rack/web ${C}`, [A], []]);
});

test("nobody is shut out for a guest whose lease is over: who has the image may be the next one", async () => {
  [watchers, owner] = [[A], `rack/web ${A}`];
  const admitted = await images.admit(DISKS, { ...WEB, moves: true });
  stands = false;
  const message = `disk "data": its lease is over, and client ${A} of Ceph may be whom the VM runs as now: it is not shut out`;
  expect(await refusal(images.admit(DISKS, WEB))).toMatchObject({ code: "failed", message });
  watchers = [A, C];
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const taking = images.takeOver(admitted, WEB);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await taking).toBe(false);
  expect([owner, shutOut]).toEqual([`rack/web ${A}`, []]);
  expect(logged).toEqual([expect.stringMatching(/^error: Cannot keep the host/)]);
});

test("admit() waits until an image says that its guest has moved before, when it moves on at once", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  [watchers, owner] = [[A, C], `rack/web ${A}`];
  const admitting = images.admit(DISKS, { ...WEB, moves: true });
  await new Promise((resolve) => setImmediate(resolve));
  [watchers, owner] = [[C], `rack/web ${C}`];
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await admitting).toMatchObject([{ before: [C] }]);
  expect(shutOut).toEqual([]);
});

test("disks that are only read are looked for, and watched by nobody", async () => {
  [watchers, owner] = [[B], `rack/api ${B}`];
  const [data, local] = DISKS;
  const disks = [{ ...data, readOnly: true } as GuestDisk, local as GuestDisk];
  expect(await images.admit(disks, WEB)).toEqual([]);
  const missing = [{ ...disks[0], source: { type: "rbd", pool: "vms", image: "x" } } as GuestDisk];
  expect(await refusal(images.admit(missing, WEB))).toMatchObject({
    code: "failed",
    message: expect.stringContaining('disk "data": rbd status vms/x'),
  });
});
