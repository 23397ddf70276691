# Modules, merged: imports, options with types and defaults, mkIf, mkDefault, mkForce, mkBefore, mkAfter.
let
  inherit (builtins) all any attrNames concatLists concatMap elem filter foldl' head isAttrs isBool isFunction isInt isList isPath isString length sort tail toJSON typeOf;

  last = list: builtins.elemAt list (length list - 1);
  optional = condition: value: if condition then [ value ] else [ ];

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOrder = priority: content: { _type = "order"; inherit priority content; };

  types = {
    str = { name = "string"; check = isString; };
    int = { name = "signed integer"; check = isInt; };
    bool = { name = "boolean"; check = isBool; };
    list = { name = "list"; check = isList; };
    attrs = { name = "attribute set"; check = isAttrs; };
    anything = { name = "anything"; check = _: true; };
    nullOr = type: { name = "null or ${type.name}"; check = value: value == null || type.check value; };
    enum = values: { name = "one of ${toJSON values}"; check = value: elem value values; };
  };
  mkOption = option: { _type = "option"; type = types.anything; } // option;

  # A module as { file, imports, options, config }, whatever way it was written.
  load = args: module:
    let
      file = if isPath module || isString module then toString module else "<unknown-file>";
      written = if isPath module || isString module then import module else module;
      value = if isFunction written then written args else written;
      structured = value ? config || value ? options;
    in
    {
      inherit file;
      imports = value.imports or [ ];
      options = value.options or { };
      config = if structured then value.config or { } else removeAttrs value [ "imports" ];
    };
  loadAll = args: modules: concatMap
    (module: let one = load args module; in [ one ] ++ loadAll args one.imports)
    modules;

  mergeOptions = foldl' (a: b: a // builtins.mapAttrs (name: value: if a ? ${name} && !(value ? _type) then mergeOptions [ a.${name} value ] else value) b) { };

  # Definitions are { file, value }.
  discharge = definition:
    let inherit (definition) value; in
    if isAttrs value && (value._type or null) == "if"
    then (if value.condition then discharge (definition // { value = value.content; }) else [ ])
    else if isAttrs value && (value._type or null) == "override"
    then map (inner: inner // { inherit (value) priority; }) (discharge (definition // { value = value.content; }))
    else if isAttrs value && (value._type or null) == "order"
    then map (inner: inner // { order = value.priority; }) (discharge (definition // { value = value.content; }))
    else [ ({ priority = 100; order = 1000; } // definition) ];
  winners = definitions:
    let
      open = concatMap discharge definitions;
      best = foldl' (least: one: if one.priority < least then one.priority else least) 9999 open;
    in
    sort (a: b: a.order < b.order) (filter (one: one.priority == best) open);

  show = path: builtins.concatStringsSep "." path;
  mergeFree = definitions:
    let values = map (one: one.value) definitions; in
    if all isAttrs values && !(any (value: value ? outPath) values)
    then builtins.zipAttrsWith (_: inner: mergeFree (winners inner)) (map (one: builtins.mapAttrs (_: value: { inherit (one) file; inherit value; }) one.value) definitions)
    else if all isList values then concatLists values
    else last values;

  evalOption = path: option: definitions:
    let
      open = winners definitions;
      wrong = filter (one: !(option.type.check one.value)) open;
    in
    if wrong != [ ] then
      throw "A definition for option `${show path}' is not of type `${option.type.name}'. Definition values:\n- In `${(head wrong).file}': ${toJSON (head wrong).value}"
    else if open == [ ] then
      option.default or (throw "The option `${show path}' was accessed but has no value defined. Try setting the option.")
    else if length open > 1 && !(isList (head open).value) && !(isAttrs (head open).value) && any (one: one.value != (head open).value) open then
      throw "The option `${show path}' has conflicting definition values:\n${builtins.concatStringsSep "\n" (map (one: "- In `${one.file}': ${toJSON one.value}") open)}"
    else mergeFree open;

  evalTree = path: options: definitions:
    let
      names = attrNames (foldl' (names: one: names // one.value) { } definitions);
      unknown = filter (name: !(options ? ${name})) names;
      of = name: concatMap (one: if one.value ? ${name} then [ { inherit (one) file; value = one.value.${name}; } ] else [ ]) definitions;
      culprit = head (of (head unknown));
      evalOne = name: option:
        if (option._type or null) == "option" then evalOption (path ++ [ name ]) option (of name)
        else evalTree (path ++ [ name ]) option (concatMap discharge (of name));
    in
    if unknown != [ ] then
      throw "The option `${show (path ++ [ (head unknown) ])}' does not exist. Definition values:\n- In `${culprit.file}'"
    else builtins.mapAttrs evalOne options;

  evalModules = { modules, specialArgs ? { } }:
    let
      loaded = loadAll (specialArgs // { inherit config options lib; }) modules;
      options = mergeOptions (map (one: one.options) loaded);
      config = evalTree [ ] options (concatMap (one: discharge { inherit (one) file; value = one.config; }) loaded);
      failed = filter (one: !one.assertion) (config.assertions or [ ]);
    in
    {
      inherit options;
      config = if failed == [ ] then config else
      throw "\nFailed assertions:\n${builtins.concatStringsSep "\n" (map (one: "- ${one.message}") failed)}";
      extendModules = more: evalModules { modules = modules ++ more.modules; inherit specialArgs; };
    };

  free = mkOption { type = types.attrs; default = { }; };
  nixos = {
    options = {
      assertions = mkOption { type = types.list; default = [ ]; };
      networking.hostName = mkOption { type = types.str; default = "nixos"; };
      networking.firewall = free;
      boot.kernelParams = mkOption { type = types.list; default = [ ]; };
      systemd.services = free;
      environment = free;
      services = free;
      users = free;
    };
  };
  # What is looked up in it is never built.
  pkgs = builtins.mapAttrs (name: _: "/${name}") { bash = 1; coreutils = 1; cpio = 1; util-linux = 1; };

  lib = {
    inherit optional mkIf mkOption mkOverride types;
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    mkBefore = mkOrder 500;
    mkAfter = mkOrder 1500;
    nixosSystem = { system, modules, specialArgs ? { } }: evalModules {
      modules = [ nixos ] ++ modules;
      specialArgs = { pkgs = pkgs // { inherit system; }; } // specialArgs;
    };
  };
in
lib
