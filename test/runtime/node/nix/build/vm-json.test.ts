/** From a launch to the options of microvm.nix. */
import { expect, test } from "vitest";
import type { InstanceLaunch } from "../../../../../runtime/index.ts";
import type { MicrovmConfig } from "../../../../../runtime/microvm/index.ts";
import { splitFlake, vmJson } from "../../../../../runtime/node/nix/build/vm-json.ts";

function launch(microvm?: MicrovmConfig, more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return {
    instance: "i-1",
    vm: "web",
    node: "n1",
    vcpus: 2,
    memoryMiB: 256,
    image: "base",
    command: [],
    env: {},
    files: [],
    ports: [],
    leaseUntilMs: 0,
    ...(microvm === undefined ? {} : { microvm }),
    ...more,
  };
}

test("vmJson() of a VM without wishes is a QEMU with a user-mode network, a seed and a port for its agent", () => {
  const { microvm, ...vm } = vmJson(launch(), { emulate: false });
  expect(vm).toMatchObject({
    name: "web",
    hostName: "web",
    module: false,
    own: null,
    kernelParams: [],
  });
  expect(microvm).toMatchObject({
    hypervisor: "qemu",
    vcpu: 2,
    mem: 256,
    socket: "vmm.sock",
    interfaces: [{ type: "user", id: "blixard", mac: expect.stringMatching(/^02(:[\da-f]{2}){5}$/) }],
    volumes: [{ image: "seed.img", autoCreate: false, readOnly: true }],
  });
  expect(JSON.stringify(microvm)).toContain("virtserialport,chardev=blixard,name=blixard");
  expect(microvm).not.toHaveProperty("cpu");
});

test("vmJson() is the same for every instance, port, file and environment of a VM: a restart builds nothing", () => {
  const one = vmJson(launch(), { emulate: true });
  const other = launch(undefined, {
    instance: "i-2",
    node: "n2",
    env: { A: "1" },
    files: [{ path: "/a", content: "", mode: "0644" }],
    ports: [{ name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort: 8080 }],
  });
  expect(vmJson(other, { emulate: true })).toEqual(one);
  expect(vmJson({ ...other, vm: "db" }, { emulate: true })).not.toEqual(one);
});

test("vmJson() emulates with PIT and PIC on and without TSC calibration, unless a processor was named", () => {
  const emulated = vmJson(launch(), { emulate: true });
  expect(emulated.microvm).toMatchObject({ cpu: "max", qemu: { machineOpts: { accel: "tcg", pit: "on", pic: "on" } } });
  expect(emulated.kernelParams).toContain("tsc_early_khz=2600000");
  const named = vmJson(launch({ hypervisor: "qemu", cpu: "Skylake-Client" }), { emulate: true });
  expect(named.microvm).toMatchObject({ cpu: "Skylake-Client" });
  expect(named.microvm["qemu"]).not.toHaveProperty("machineOpts");
});

test("vmJson() says everything in microvm.nix's names", () => {
  const { microvm, own } = vmJson(
    launch({
      hypervisor: "cloud-hypervisor",
      flake: "github:me/config#web",
      socket: false,
      balloon: true,
      initialBalloonMiB: 64,
      hotplugMiB: 128,
      hugepages: true,
      vsockCid: 7,
      interfaces: [{ type: "macvtap", id: "mv0", mac: "02:00:00:00:00:01", link: "eth0", mode: "bridge" }],
      shares: [{ tag: "src", source: "/srv", mountPoint: "/src", proto: "virtiofs" }],
      volumes: [
        { image: "data.img", sizeMiB: 10, mountPoint: "/data", label: "data" },
        { image: "ro.img", readOnly: true },
      ],
    }),
    { emulate: true },
  );
  expect(own).toBe("web");
  expect(microvm).toEqual({
    hypervisor: "cloud-hypervisor",
    vcpu: 2,
    mem: 256,
    socket: null,
    balloon: true,
    initialBalloonMem: 64,
    hotplugMem: 128,
    hugepageMem: true,
    vsock: { cid: 7 },
    interfaces: [{ type: "macvtap", id: "mv0", mac: "02:00:00:00:00:01", macvtap: { link: "eth0", mode: "bridge" } }],
    shares: [{ tag: "src", source: "/srv", mountPoint: "/src", proto: "virtiofs" }],
    volumes: [
      { image: "seed.img", autoCreate: false, readOnly: true },
      { image: "volumes/data.img", autoCreate: true, size: 10, mountPoint: "/data", label: "data" },
      { image: "volumes/ro.img", autoCreate: false, mountPoint: null, readOnly: true },
    ],
  });
});

test("vmJson() puts QEMU's devices on the bus that microvm.nix puts its own on", () => {
  const bus = (config: Partial<MicrovmConfig>): string | undefined =>
    /virtio-serial-(\w+)/.exec(
      JSON.stringify(vmJson(launch({ hypervisor: "qemu", ...config }), { emulate: false })),
    )?.[1];
  expect(bus({})).toBe("device");
  expect(bus({ machine: "q35" })).toBe("pci");
  expect(bus({ shares: [{ tag: "a", source: "/a", mountPoint: "/a", proto: "9p" }] })).toBe("pci");
});

test("splitFlake() takes the name from behind the #", () => {
  expect(splitFlake("github:me/config#web")).toEqual({ reference: "github:me/config", name: "web" });
  expect(splitFlake("path:/srv/flake")).toEqual({ reference: "path:/srv/flake", name: undefined });
  expect(splitFlake("path:/srv/flake#")).toEqual({ reference: "path:/srv/flake", name: undefined });
});
