# Options, assertions and runner, in the shape of microvm.nix's: the package has bin/ and share/microvm/ as the real one.
{ config, lib, pkgs, ... }:
let
  inherit (builtins) concatMap concatStringsSep filter genList length listToAttrs elemAt toJSON;
  inherit (lib) mkOption types;
  cfg = config.microvm;
  guest = builtins.fromJSON (builtins.readFile ./guest.json);

  option = type: default: mkOption { inherit type default; };
  quote = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
  quoteAll = words: concatStringsSep " " (map quote words);
  onOff = value: if value then "on" else "off";
  lines = texts: concatStringsSep "" (map (text: "${text}\n") texts);
  enumerate = list: genList (at: { inherit at; value = elemAt list at; }) (length list);

  machineOpts =
    if cfg.qemu.machineOpts != null then cfg.qemu.machineOpts
    else { accel = "kvm:tcg"; acpi = "on"; pit = "off"; pic = "off"; rtc = "on"; };
  machine = concatStringsSep "," ([ cfg.qemu.machine ] ++ map (name: "${name}=${machineOpts.${name}}") (builtins.attrNames machineOpts));

  volume = { at, value }: [
    "-drive" "id=vd${toString at},format=raw,file=${value.image},if=none,read-only=${onOff (value.readOnly or false)}"
    "-device" "virtio-blk-device,drive=vd${toString at}"
  ];
  interface = { type, id, mac, ... }: [
    "-netdev" (if type == "tap" then "tap,id=${id},ifname=${id},script=no,downscript=no" else "user,id=${id}")
    "-device" "virtio-net-device,netdev=${id},mac=${mac}"
  ];
  createVolume = value: ''
    if [ ! -e ${quote value.image} ]; then
      truncate -s ${toString value.size}M ${quote value.image}
    fi
  '';

  qemu = [ guest.qemu "-name" cfg.hostName "-M" machine "-m" "${toString cfg.mem}M" "-smp" (toString cfg.vcpu) ]
    ++ [ "-nodefaults" "-no-user-config" "-no-reboot" "-kernel" guest.kernel "-initrd" guest.initramfs ]
    ++ [ "-chardev" "stdio,id=stdio,signal=off" "-serial" "chardev:stdio" "-nographic" ]
    ++ (if cfg.cpu == null then [ "-enable-kvm" "-cpu" "host" ] else [ "-cpu" cfg.cpu ])
    ++ [ "-append" "console=ttyS0 reboot=t panic=-1 ${concatStringsSep " " (config.boot.kernelParams ++ guest.kernelParams)}" ]
    ++ (if cfg.socket == null then [ ] else [ "-qmp" "unix:${cfg.socket},server,nowait" ])
    ++ (if cfg.balloon then [ "-device" "virtio-balloon-device,id=balloon0" ] else [ ])
    ++ concatMap volume (enumerate cfg.volumes)
    ++ concatMap interface cfg.interfaces
    ++ cfg.qemu.extraArgs;

  # What runs, and how it is asked to end, where it is not QEMU: as guest.json says.
  other = guest.runners.${cfg.hypervisor} or (throw "the stub has no runner for ${cfg.hypervisor}");
  command = if cfg.hypervisor == "qemu" then "exec ${quoteAll qemu}" else other.run;

  taps = filter (one: one.type == "tap") cfg.interfaces;
  virtiofs = filter (one: one.proto == "virtiofs") cfg.shares;
  socketOf = share: share.socket or "${cfg.hostName}-virtiofs-${share.tag}.sock";
  binScripts = cfg.binScripts // {
    microvm-run = ''
      set -eu
      ${cfg.preStart}
      ${lines (map createVolume (filter (value: value.autoCreate or true) cfg.volumes))}
      ${command}
    '';
  } // (if taps == [ ] then { } else {
    tap-up = "set -eu\n${lines (map (one: guest.tapUp or "ip tuntap add name ${one.id} mode tap vnet_hdr && ip link set ${one.id} up") taps)}";
    tap-down = lines (map (one: guest.tapDown or "ip link delete ${one.id}") taps);
  }) // (if virtiofs == [ ] then { } else {
    virtiofsd-run = "${lines (map (one: "${guest.virtiofsd or "virtiofsd"} ${quote (socketOf one)} ${quote one.source} &") virtiofs)}wait";
  }) // (if cfg.hypervisor != "qemu" && other ? shutdown then { microvm-shutdown = other.shutdown; } else { });

  script = name: builtins.toFile "microvm-${cfg.hostName}-${name}" "#!/bin/sh\n${binScripts.${name}}";
  runner = derivation {
    name = "microvm-${cfg.hypervisor}-${cfg.hostName}";
    system = guest.system or "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" ''
      PATH=/usr/bin:/bin
      set -eu
      mkdir -p $out/bin $out/share/microvm
      ${lines (map (name: "cp ${script name} $out/bin/${name}; chmod 755 $out/bin/${name}") (builtins.attrNames binScripts))}
      echo ${cfg.hypervisor} >$out/share/microvm/hypervisor
      echo vnet_hdr >$out/share/microvm/tap-flags
      ${lines (map (one: "echo ${one.id} >>$out/share/microvm/tap-interfaces") taps)}
      ${lines (map (one: "mkdir -p $out/share/microvm/virtiofs/${one.tag}; echo ${quote (socketOf one)} >$out/share/microvm/virtiofs/${one.tag}/socket; echo ${quote one.source} >$out/share/microvm/virtiofs/${one.tag}/source") virtiofs)}
      ${if cfg.vsock.cid == null then "" else "echo ${toString cfg.vsock.cid} >$out/share/microvm/vsock-cid"}
      ${cfg.stubBuild}
    '' ];
  };
  duplicates = names: filter (name: length (filter (other: other == name) names) > 1) names;
in
{
  options.microvm = {
    hypervisor = option (types.enum [ "qemu" "cloud-hypervisor" "firecracker" "crosvm" "kvmtool" "stratovirt" "alioth" ]) "qemu";
    hostName = option types.str config.networking.hostName;
    vcpu = option types.int 1;
    mem = option types.int 512;
    cpu = option (types.nullOr types.str) null;
    socket = option (types.nullOr types.str) "${config.networking.hostName}.sock";
    balloon = option types.bool false;
    initialBalloonMem = option types.int 0;
    hotplugMem = option types.int 0;
    hugepageMem = option types.bool false;
    user = option (types.nullOr types.str) null;
    storeOnDisk = option types.bool false;
    credentialFiles = option types.attrs { };
    preStart = option types.str "";
    volumes = option types.list [ ];
    interfaces = option types.list [ ];
    shares = option types.list [ ];
    devices = option types.list [ ];
    vsock.cid = option (types.nullOr types.int) null;
    qemu.machine = option types.str "microvm";
    qemu.machineOpts = option (types.nullOr types.attrs) null;
    qemu.extraArgs = option types.list [ ];
    binScripts = option types.attrs { };
    # Of the stub alone: more of the builder's script, to build slowly or not at all.
    stubBuild = option types.str "";
    declaredRunner = option types.anything runner;
  };
  config.assertions = map
    (id: { assertion = false; message = "interface id ${id} occurs more than once"; })
    (duplicates (map (one: one.id) cfg.interfaces));
}
