import { expect, test } from "vitest";
import type { MicrovmConfig } from "../../../../runtime/microvm/index.ts";
import { whatRunnerTakes, whyNodeUser } from "../../../../runtime/node/nix/node-rights.ts";
import type { RunnerPackage } from "../../../../runtime/node/nix/build/runner-package.ts";

test("whyNodeUser() lets a VM of QEMU with volumes and a user-mode network have a user, and names what another one takes", () => {
  const plain: MicrovmConfig = {
    hypervisor: "qemu",
    module: "{ }",
    volumes: [{ image: "data.img", sizeMiB: 1 }],
    interfaces: [{ type: "user", id: "u", mac: "02:00:00:00:00:01" }],
  };
  expect(whyNodeUser(plain)).toBeUndefined();
  const wanting: readonly (readonly [Partial<MicrovmConfig>, string])[] = [
    [{ hypervisor: "firecracker" }, "not of firecracker"],
    [{ interfaces: [{ type: "tap", id: "blx0", mac: "02:00:00:00:00:01" }] }, 'its interface "blx0" is a tap'],
    [{ shares: [{ tag: "site", source: "/srv", mountPoint: "/srv", proto: "9p" }] }, 'its share "site"'],
    [{ devices: [{ bus: "pci", path: "0000:06:00.1" }] }, "its device 0000:06:00.1"],
    [{ credentialFiles: { token: "/run/token" } }, 'its credential "token"'],
    [{ vsockCid: 7 }, "vsock"],
    [{ socket: false }, "without a control socket"],
    [{ hugepages: true }, "huge pages"],
    [{ user: "vms" }, 'the user "vms" by itself'],
  ];
  for (const [more, why] of wanting) expect(whyNodeUser({ ...plain, ...more })).toContain(why);
});

test("whatRunnerTakes() finds what a module added to what the spec says", () => {
  const plain: RunnerPackage = {
    ...{ path: "/", hypervisor: "qemu", taps: [], macvtaps: [], virtiofs: [], vsockCid: undefined },
  };
  expect(whatRunnerTakes(plain)).toBeUndefined();
  expect(whatRunnerTakes({ ...plain, macvtaps: ["mv0"] })).toBe('the interface "mv0"');
  expect(whatRunnerTakes({ ...plain, virtiofs: [{ tag: "ro", socket: "s", source: "/" }] })).toBe('the share "ro"');
  expect(whatRunnerTakes({ ...plain, vsockCid: 3 })).toBe("an address on the host's vsock");
});
