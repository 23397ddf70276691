/**
 * Where the command line keeps what outlives it, by the XDG base directory specification.
 *
 * The state folder holds the cluster that `up` started; `BLIXARD_HOME` moves it, so that several can live beside each
 * other. The cache folder holds guest images, which can be built again.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** `$BLIXARD_HOME`, else `$XDG_STATE_HOME/blixard`, else `~/.local/state/blixard`. */
export function stateFolder(env: Environment): string {
  return env.BLIXARD_HOME
    ? resolve(env.BLIXARD_HOME)
    : join(env.XDG_STATE_HOME || join(homeOf(env), ".local", "state"), "blixard");
}

/** `$BLIXARD_CACHE`, else `$XDG_CACHE_HOME/blixard`, else `~/.cache/blixard`. */
export function cacheFolder(env: Environment): string {
  return env.BLIXARD_CACHE
    ? resolve(env.BLIXARD_CACHE)
    : join(env.XDG_CACHE_HOME || join(homeOf(env), ".cache"), "blixard");
}

/** Compiled code of Node.js, by its version and the sources' content; shared by all processes of this user. */
export function compileCacheFolder(env: Environment): string {
  return join(cacheFolder(env), "compiled");
}

function homeOf(env: Environment): string {
  return env.HOME || homedir();
}
