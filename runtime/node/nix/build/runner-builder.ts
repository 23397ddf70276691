/**
 * Builds a VM's runner: flake folder, `nix build`, GC root.
 *
 *     VMS/NAME/flake/      what is built (flake-folder.ts)
 *     VMS/NAME/current     link to the runner, a GC root: Nix replaces it in one step, so it leads to the old runner or the new one
 *     VMS/NAME/built.json  what it was built from
 *     VMS/NAME/volumes/    disks, which outlive instances
 *
 * What was built from the same files, inputs and arguments is not built again: evaluating real nixpkgs takes seconds, and a restart after
 * a crash must not bring a newer system along. One build a VM at a time, and `buildsMax` of all.
 */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Turns } from "../../instances/turns.ts";
import { type FlakeContents, flakeFiles, writeFlakeFolder } from "./flake-folder.ts";
import { runNix } from "./nix-command.ts";
import { NixError } from "./nix-error.ts";
import { NixLog } from "./nix-log.ts";
import { BUILD_TIMEOUT_MS, BUILDS_MAX, type NixSettings } from "./nix-settings.ts";
import { Places } from "./places.ts";
import { readRunner, type RunnerPackage } from "./runner-package.ts";

export interface BuildRequest extends FlakeContents {
  /** Reference of the VM's own flake, which `vm.own` names a part of. */
  readonly own: string | undefined;
  /** Told of each step that may take a while. */
  readonly onStep: (step: string) => void;
}

interface Built {
  readonly from: string;
  readonly runner: string;
}

export class RunnerBuilder {
  readonly #settings: NixSettings;
  readonly #vmsDir: string;
  readonly #turns = new Turns();
  readonly #places: Places;

  /** @param vmsDir holds a folder a VM. */
  constructor(settings: NixSettings, vmsDir: string) {
    this.#settings = settings;
    this.#vmsDir = vmsDir;
    this.#places = new Places(settings.buildsMax ?? BUILDS_MAX);
  }

  folder(vm: string): string {
    return join(this.#vmsDir, vm);
  }

  /** The VM's runner, built when it is not there yet. @throws {NixError} */
  async build(request: BuildRequest): Promise<RunnerPackage> {
    return this.#turns.take(request.vm.name, () => this.#build(request));
  }

  /** Makes `link` another GC root of what `runner` leads to. @throws {NixError} */
  async keep(runner: string, link: string): Promise<void> {
    const log = new NixLog(() => undefined);
    const run = await runNix(this.#settings, ["build", runner, "--out-link", link, "--log-format", "internal-json"], {
      timeoutMs: this.#timeoutMs(),
      onLine: (line) => log.push(line),
    });
    if (run.code !== 0) throw log.failure(() => false);
  }

  async #build(request: BuildRequest): Promise<RunnerPackage> {
    const folder = this.folder(request.vm.name);
    if (!FLAKE_PATH.test(folder)) {
      const message = `Nix reads no flake from "${folder}": give the node a data folder of letters, digits and "-._" only`;
      throw new NixError("refused", message);
    }
    const flake = await flakeFiles(request);
    const { nix, config, args, inputs } = this.#settings;
    const from = JSON.stringify([flake.sha256, request.own, nix, config, args, inputs]);
    const current = join(folder, "current");
    const built = await readBuilt(folder);
    if (built?.from === from && (await exists(current))) return readRunner(built.runner);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const runner = await this.#places.take(async () => {
      await writeFlakeFolder(join(folder, "flake"), flake);
      request.onStep("evaluating");
      return this.#run(request, current);
    });
    await writeFile(join(folder, "built.json"), `${JSON.stringify({ from, runner } satisfies Built)}\n`, {
      mode: 0o600,
    });
    return readRunner(runner);
  }

  async #run({ vm, own, onStep }: BuildRequest, link: string): Promise<string> {
    const flake = join(this.folder(vm.name), "flake");
    const log = new NixLog(onStep);
    const inputs = { ...this.#settings.inputs, ...(own === undefined ? {} : { own }) };
    // `path:`, since a folder below a git work tree would be taken for that tree, in which these files are unknown.
    const run = await runNix(
      this.#settings,
      [
        "build",
        `path:${flake}#nixosConfigurations."${vm.name}".config.microvm.declaredRunner`,
        ...["--json", "--no-write-lock-file", "--log-format", "internal-json", "--out-link", link],
        ...Object.entries(inputs).flatMap(([name, reference]) => ["--override-input", name, reference]),
      ],
      { timeoutMs: this.#timeoutMs(), onLine: (line) => log.push(line) },
    );
    if (run.timedOut) {
      const message = `Nix was not done in ${this.#timeoutMs() / 1000} s and was ended: raise the node's "timeoutSeconds" for Nix, or build it ahead`;
      throw new NixError("timeout", message);
    }
    if (run.code !== 0) throw log.failure((file) => FLAKE_FILES.has(file));
    return outputOf(run.stdout);
  }

  #timeoutMs(): number {
    return this.#settings.timeoutMs ?? BUILD_TIMEOUT_MS;
  }
}

/** What a path may hold in the reference of a flake; Nix 2.8 decodes no escapes. */
const FLAKE_PATH = /^\/[\w.~+@:,=/-]*$/;

/** Files that a user may know by name; those of the same name in another flake keep their path. */
const FLAKE_FILES: ReadonlySet<string> = new Set(["module.nix", "flake.nix", "vm.nix", "guest.nix", "vm.json"]);

function outputOf(stdout: string): string {
  const [built] = JSON.parse(stdout) as readonly { readonly outputs?: { readonly out?: string } }[];
  const out = built?.outputs?.out;
  if (out === undefined) throw new NixError("refused", "Nix did not say what it has built");
  return out;
}

async function readBuilt(folder: string): Promise<Built | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, "built.json"), "utf8")) as Built;
  } catch {
    return undefined;
  }
}

/** Follows the link: what the garbage collector took is not there. */
async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
