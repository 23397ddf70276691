# A nixpkgs of a hundred lines, for tests: just enough of `lib.nixosSystem` that the generated flake evaluates unchanged, in
# milliseconds and without a network. Its errors are worded as those of nixpkgs.
{
  outputs = _: {
    lib = import ./lib.nix;
  };
}
