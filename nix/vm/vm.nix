# What Blixard adds to a VM's system: the data of vm.json, as it is, and the guest's half (guest.nix).
{ lib, ... }:
let
  vm = builtins.fromJSON (builtins.readFile ./vm.json);
in
{
  imports = [ ./guest.nix ];
  networking.hostName = vm.hostName;
  boot.kernelParams = vm.kernelParams;
  microvm = vm.microvm // {
    # The seed comes first, so that its device has a name that guest.nix knows.
    volumes = lib.mkBefore vm.microvm.volumes;
  };
}
