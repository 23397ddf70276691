/**
 * Gives what one node has built to the others: signs a closure and copies it into another store, which the other nodes name as a substituter.
 *
 * A store in between and no copy from node to node: whoever needs the closure later finds it, whichever nodes live then, and any store of
 * Nix will do: a folder (`file:///srv/cache`), a host (`ssh://cache`), an object store. A node takes from it only what is signed by a key
 * among its `trusted-public-keys`.
 */
import { runNix } from "./nix-command.ts";
import { NixError } from "./nix-error.ts";
import { NixLog } from "./nix-log.ts";
import type { NixSettings } from "./nix-settings.ts";

export interface PushOptions {
  /** URL of the store. */
  readonly to: string;
  /** File with the secret key, as `nix-store --generate-binary-cache-key` makes it. */
  readonly keyFile: string;
}

/** A closure of a whole NixOS has a gigabyte; over a slow link that takes its time. */
const PUSH_MS = 1_800_000;

/** Copies only what is not there yet. @throws {NixError} */
export async function pushClosure(settings: NixSettings, path: string, { to, keyFile }: PushOptions): Promise<void> {
  await mustRun(settings, ["store", "sign", "--key-file", keyFile, "--recursive", path]);
  await mustRun(settings, ["copy", "--to", to, path]);
}

async function mustRun(settings: NixSettings, args: readonly string[]): Promise<void> {
  const log = new NixLog(() => undefined);
  const run = await runNix(settings, [...args, "--log-format", "internal-json"], {
    timeoutMs: PUSH_MS,
    onLine: (line) => log.push(line),
  });
  if (run.timedOut) throw new NixError("timeout", `"nix ${args[0]}" was not done in ${PUSH_MS / 1000} s`);
  if (run.code !== 0) throw new NixError("refused", log.failure(() => false).message);
}
