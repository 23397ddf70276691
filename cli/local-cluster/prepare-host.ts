/** Makes a host able to run VMs: installs what is missing where it may, and builds the guest image once. */
import { ensureGuestImage, ensureHostPackages } from "../../guest/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { cacheFolder } from "../folders.ts";
import type { NodeConfig } from "../node-config.ts";
import type { DriverChoice } from "../node-settings.ts";
import { Progress } from "../progress.ts";

export interface PreparedHost {
  /** `process` only where nothing else is possible, or wanted. */
  readonly driver: DriverChoice;
  readonly imagesDir?: string;
  readonly installMs: number;
  readonly imageMs: number;
}

export interface PrepareOptions {
  readonly driver: DriverChoice;
  /** Whether packages may be installed. */
  readonly install: boolean;
  readonly cacheDir: string;
  readonly progress: Progress;
  /** Aborted: no further step begins. The one at hand ends first, since half-installed packages help nobody. */
  readonly signal?: AbortSignal;
}

const NO_ISOLATION =
  'VMs run as plain processes of this host: the driver "process" isolates nothing. Use it to try things, with programs that you trust.';

/** @throws CliError when the driver that was asked for cannot work here. */
export async function prepareHost({
  driver,
  install,
  cacheDir,
  progress,
  signal,
}: PrepareOptions): Promise<PreparedHost> {
  if (driver === "process") {
    progress.note(NO_ISOLATION);
    return { driver, installMs: 0, imageMs: 0 };
  }
  const packages = await progress.step(
    "Host packages",
    async (step) =>
      ensureHostPackages({
        install,
        nix: driver === "microvm-nix",
        onProgress: (what, detail) => step.detail(`${what} ${detail}`),
      }),
    ({ installed, qemu }) => (installed.length > 0 ? `installed ${installed.join(", ")}` : (qemu ?? "no QEMU")),
  );
  signal?.throwIfAborted();
  const { missing } = packages.value;
  if (missing.length > 0) {
    const why = missing.map(({ message }) => `\n  - ${message}`).join("");
    if (driver === "qemu" || driver === "microvm-nix") {
      throw new CliError(EXIT.failed, `Cannot run microVMs on this host:${why}`, {
        hint: "Or use --driver process, which needs nothing and isolates nothing.",
      });
    }
    progress.note(`No microVMs on this host:${why}\n${NO_ISOLATION}`);
    return { driver: "process", installMs: packages.elapsedMs, imageMs: 0 };
  }
  const image = await progress.step(
    "Guest image",
    async (step) => ensureGuestImage({ cacheDir, onProgress: (what, detail) => step.detail(`${what} ${detail}`) }),
    ({ imagesDir }) => imagesDir,
  );
  return {
    driver: driver === "auto" ? "qemu" : driver,
    imagesDir: image.value.imagesDir,
    installMs: packages.elapsedMs,
    imageMs: image.elapsedMs,
  };
}

/** For a node that was given no images: those of the cache, built first when there are none. Installs nothing. */
export async function withImages(config: NodeConfig, { terminal, env }: CliContext): Promise<NodeConfig> {
  if (config.driver === "process" || config.driver === "microvm-nix" || config.imagesDir !== undefined) return config;
  const progress = new Progress(terminal.err);
  const { driver } = config;
  const prepared = await prepareHost({ driver, install: false, cacheDir: cacheFolder(env), progress });
  const { imagesDir } = prepared;
  return { ...config, driver: prepared.driver, ...(imagesDir === undefined ? {} : { imagesDir }) };
}
