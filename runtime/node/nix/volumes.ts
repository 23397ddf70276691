/**
 * Whose the volumes of a VM are: its instance's user, for as long as it runs. Each instance has another one, so they change hands at each start.
 *
 * Nothing of an earlier instance runs any more, but it may have been hostile and left what it liked in the folder: no link is followed, and a file that has
 * a second name somewhere else is not given away.
 */
import { chmodSync, chownSync, lchownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** `user`: undefined for the node's own, for whom nothing has to change. @throws the file system's error. */
export function giveVolumes(folder: string, user: number | undefined): void {
  if (user === undefined) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const found = lstatSync(path);
    if (found.isFile() && found.nlink === 1) lchownSync(path, user, user);
  }
  chownSync(folder, user, user);
  chmodSync(folder, 0o700);
}
