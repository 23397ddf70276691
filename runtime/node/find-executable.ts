/** Looks a program up on the search path that child processes get, by asking the shell: nothing here reads the environment. */
import { execFile } from "node:child_process";

/** The path of `name`, or undefined when there is no such program. */
export async function findExecutable(name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // `sbin` folders hold some of what we look for and are missing from many users' path.
    const script = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; command -v -- "$1"';
    execFile("/bin/sh", ["-c", script, "sh", name], (error, stdout) => {
      const path = stdout.trim();
      resolve(error === null && path.startsWith("/") ? path : undefined);
    });
  });
}
