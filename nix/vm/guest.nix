# The guest's half: unpacks the instance's seed and runs the agent, which runs the VM's service and talks to the host (guest.sh).
{ config, pkgs, ... }:
let
  vm = builtins.fromJSON (builtins.readFile ./vm.json);
  # The disk of the store, where there is one, has the first letter.
  seed = if config.microvm.storeOnDisk then "/dev/vdb" else "/dev/vda";
  # Needs no C library, so the compiler's own protections are off: they would call it.
  agent = pkgs.runCommandCC "blixard-agent" { hardeningDisable = [ "all" ]; } ''
    mkdir -p $out/bin
    $CC -nostdlib -static -O2 -ffreestanding -fno-stack-protector -fno-pie -no-pie -fno-builtin \
      -o $out/bin/blixard-agent ${./agent}/agent.c
  '';
in
{
  systemd.services.blixard = {
    description = "The service of this microVM";
    wantedBy = [ "multi-user.target" ];
    after = [ "network.target" "local-fs.target" ];
    path = [ pkgs.coreutils pkgs.cpio ];
    environment = {
      BLIXARD_SEED = seed;
      BLIXARD_AGENT = "${agent}/bin/blixard-agent";
    };
    serviceConfig = {
      ExecStart = "${pkgs.bash}/bin/sh ${./guest.sh}";
      StandardOutput = "journal+console";
      StandardError = "journal+console";
    };
    # A guest lives as long as its service, and hypervisors differ in how a guest ends them.
    unitConfig = {
      SuccessAction = vm.endAction;
      FailureAction = vm.endAction;
    };
  };
}
