# The guest's half: unpacks the instance's seed, runs its service, tells the host how it goes (guest.sh).
{ config, lib, pkgs, ... }:
let
  vm = builtins.fromJSON (builtins.readFile ./vm.json);
  # The disk of the store, where there is one, has the first letter.
  seed = if config.microvm.storeOnDisk then "/dev/vdb" else "/dev/vda";
in
{
  systemd.services.blixard = {
    description = "The service of this microVM";
    wantedBy = [ "multi-user.target" ];
    after = [ "network.target" "local-fs.target" ];
    path = [ pkgs.coreutils pkgs.cpio pkgs.util-linux pkgs.bash ];
    environment.BLIXARD_SEED = seed;
    serviceConfig = {
      ExecStart = "${pkgs.bash}/bin/sh ${./guest.sh}";
      StandardOutput = "journal+console";
      StandardError = "journal+console";
    };
    # A guest lives as long as its service; how a guest ends its hypervisor differs.
    unitConfig.SuccessAction = lib.mkIf vm.endsWithService vm.endAction;
    unitConfig.FailureAction = lib.mkIf vm.endsWithService vm.endAction;
  };
}
