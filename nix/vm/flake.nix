# The flake of one VM: the same for all of them. What differs is in vm.json, and on the command line that builds it:
# `--override-input own REF` puts the VM's own flake in the place of the empty one.
{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    microvm.url = "github:microvm-nix/microvm.nix";
    microvm.inputs.nixpkgs.follows = "nixpkgs";
    own.url = "path:./own";
  };

  outputs = { nixpkgs, microvm, own, ... }:
    let
      vm = builtins.fromJSON (builtins.readFile ./vm.json);
      plain = modules: nixpkgs.lib.nixosSystem {
        inherit (vm) system;
        modules = [ microvm.nixosModules.microvm ./vm.nix ] ++ modules;
      };
      systems = own.nixosConfigurations or { };
      modules = own.nixosModules or { };
      # A whole system of the user's gets what Blixard needs on top; microvm.nix too, unless it has it.
      extended = system: system.extendModules {
        modules = [ ./vm.nix ] ++ (if system.options ? microvm then [ ] else [ microvm.nixosModules.microvm ]);
      };
      machine =
        if vm.own == null then plain (if vm.module then [ ./module.nix ] else [ ])
        else if systems ? ${vm.own} then extended systems.${vm.own}
        else if modules ? ${vm.own} then plain [ modules.${vm.own} ]
        else throw "the VM's flake has neither nixosConfigurations.${vm.own} nor nixosModules.${vm.own}";
    in
    {
      nixosConfigurations.${vm.name} = machine;
      packages.${vm.system}.${vm.name} = machine.config.microvm.declaredRunner;
    };
}
