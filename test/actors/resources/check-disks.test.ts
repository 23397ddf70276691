/** `spec.disks` and `spec.cloudInit`: what is refused, in which words. */
import { expect, test } from "vitest";
import { parseVmManifest } from "../../../actors/index.ts";

function messagesOf(spec: unknown): readonly string[] {
  const parsed = parseVmManifest({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name: "web" }, spec });
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
}

test("parseVmManifest() takes an empty disk, an image with and without a size, one that is only read, and rbd", () => {
  const disks = [
    { name: "data", sizeMiB: 64, format: "ext4" },
    { name: "root", source: "debian-12.qcow2" },
    { name: "big", source: "debian-12.qcow2", sizeMiB: 4096 },
    { name: "tools", source: "tools.raw", readOnly: true },
    { name: "ceph", source: "rbd:vms/web-data" },
  ];
  expect(messagesOf({ disks, cloudInit: { userData: "#cloud-config\n", sshKeys: ["ssh-ed25519 AAAA me"] } })).toEqual(
    [],
  );
});

test.each([
  [{ name: "data" }, "spec.disks[0].sizeMiB: expected the size of a disk that has no source, got nothing"],
  [
    { name: "data", sizeMiB: 1, readOnly: true },
    "spec.disks[0].readOnly: expected false for a disk that has no source, got true",
  ],
  [
    { name: "data", source: "rbd:vms/x", sizeMiB: 1 },
    "spec.disks[0].sizeMiB: expected no size for a disk that is its source itself, got 1",
  ],
  [
    { name: "data", source: "a.raw", format: "ext4" },
    'spec.disks[0].format: expected none for a disk that has a source, got "ext4"',
  ],
  [
    { name: "cidata", sizeMiB: 1 },
    'spec.disks[0].name: expected another than "cidata", which cloud-init\'s disk has, got "cidata"',
  ],
])("parseVmManifest() refuses disk %j", (disk, message) => {
  expect(messagesOf({ disks: [disk] })).toEqual([message]);
});

test.each(["../etc/passwd", "/dev/sda", ".hidden", "rbd:pool", "rbd:pool/a/b", "rbd:pool/x:conf=/tmp/y", "nbd:host/x"])(
  "parseVmManifest() refuses the source %j",
  (source) => {
    expect(messagesOf({ disks: [{ name: "data", source }] })[0]).toMatch(/^spec\.disks\[0\]\.source: expected a file/);
  },
);

test("parseVmManifest() refuses a name twice, one that virtio has no room for, a key of two lines, and disks beside volumes", () => {
  const twice = { name: "data", sizeMiB: 1 };
  expect(messagesOf({ disks: [twice, twice] })).toEqual(['spec.disks[1].name: spec.disks[0].name is "data" already']);
  expect(messagesOf({ disks: [{ ...twice, name: "a".repeat(21) }] })[0]).toContain("1 to 20 small letters");
  expect(messagesOf({ cloudInit: { sshKeys: ["a\nb"] } })[0]).toContain("a public key, on one line");
  expect(messagesOf({ microvm: { hypervisor: "qemu" }, disks: [twice] })).toEqual([
    "spec.disks: expected nothing beside spec.microvm, whose volumes are its disks, got a list",
  ]);
});
