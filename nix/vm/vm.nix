# What Blixard adds to a VM's system: the data of vm.json, as it is, and the guest's half (guest.nix).
#
# What the cluster has promised for the VM goes before what a module says: its name, its processors, its memory, what runs it.
{ lib, ... }:
let
  vm = builtins.fromJSON (builtins.readFile ./vm.json);
in
{
  imports = [ ./guest.nix ];
  networking.hostName = lib.mkForce vm.hostName;
  boot.kernelParams = vm.kernelParams;
  microvm = vm.microvm // {
    hypervisor = lib.mkForce vm.microvm.hypervisor;
    vcpu = lib.mkForce vm.microvm.vcpu;
    mem = lib.mkForce vm.microvm.mem;
    socket = lib.mkForce vm.microvm.socket;
    # The seed comes first, so that its device has a name that guest.nix knows.
    volumes = lib.mkBefore vm.microvm.volumes;
  };
}
