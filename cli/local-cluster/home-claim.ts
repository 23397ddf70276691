/**
 * Sees to it that one process at a time starts or stops the cluster of a state folder.
 *
 * The claim is a file with its holder's identity, made by `link`, which fails when it exists. A claim whose holder has
 * ended, however it ended, is void.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, parseIdentity, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";
import { identifyProcess } from "./identify-process.ts";

const CLAIM = "claim";

/** Each try either gets the claim, finds a holder that lives, or removes a void claim; more than this is a bug. */
const TRIES_MAX = 10;

export interface HomeClaim {
  release(): void;
}

/** The claim, or who holds it. */
export function claimHome(folder: string): HomeClaim | { readonly heldBy: ProcessIdentity } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error("this process is not in /proc");
  const line = `${self.pid} ${self.start} ${self.boot}\n`;
  const file = join(folder, CLAIM);
  const own = join(folder, `.${CLAIM}.${self.pid}`);
  writeFileSync(own, line, { mode: 0o600 });
  try {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      try {
        linkSync(own, file);
        return { release: () => releaseClaim(file, line) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const found = readText(file);
      const holder = parseIdentity(found);
      if (holder !== undefined && isRunning(holder)) return { heldBy: holder };
      removeVoidClaim(file, found);
    }
    throw new Error(`"${file}" keeps coming back`);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Who works on the cluster of `folder` now, if anybody. */
export function claimHolder(folder: string): ProcessIdentity | undefined {
  const holder = parseIdentity(readText(join(folder, CLAIM)));
  return holder !== undefined && isRunning(holder) ? holder : undefined;
}

/** Another process may do the same at once: what was moved away is looked at before it is thrown away. */
function removeVoidClaim(file: string, found: string): void {
  const aside = `${file}.void.${process.pid}`;
  try {
    renameSync(file, aside);
    if (readText(aside) !== found) linkSync(aside, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  }
  rmSync(aside, { force: true });
}

function releaseClaim(file: string, line: string): void {
  if (readText(file) === line) rmSync(file, { force: true });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
