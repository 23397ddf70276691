# A microvm.nix for tests: the options that Blixard sets, and a runner for QEMU that is made by /bin/sh. guest.json beside this file,
# which a test writes, says what boots: {"qemu", "kernel", "initramfs", "kernelParams"}.
{
  outputs = _: {
    nixosModules.microvm = import ./microvm.nix;
  };
}
