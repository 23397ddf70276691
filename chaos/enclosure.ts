/**
 * Where a run happens: namespaces of its own for mounts, network and processes, which one `unshare` makes around the program itself.
 *
 * Why not namespaces with names, cleaned up at the end: whoever is killed cleans nothing. These belong to the program's process, so with it,
 * however it ends, the kernel takes back every mount, link and process that was made inside.
 */
import { whyItFails } from "./run-command.ts";

const PROGRAMS = ["ip", "nsenter", "fallocate"];

/** Beside root's, those that a user may make where the host lets users have namespaces. */
const PRIVILEGES: readonly (readonly string[])[] = [[], ["--user", "--map-root-user"]];

export type Enclosure =
  | { readonly ok: true; /** Put before a command, it runs inside. */ readonly enter: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** Tries what a run will need, in an enclosure of its own that is gone at once. */
export function findEnclosure(): Enclosure {
  const absent = PROGRAMS.filter((program) => whyItFails([program, "--version"])?.includes("ENOENT"));
  if (absent.length > 0)
    return { ok: false, why: `this host has no program ${absent.map((name) => `"${name}"`).join(", ")}` };
  let why = "";
  for (const privileges of PRIVILEGES) {
    const enter = [
      "unshare",
      ...privileges,
      ...["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ];
    const probe =
      "mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add probe && ip link add probe type bridge";
    const failure = whyItFails([...enter, "sh", "-c", probe]);
    if (failure === null) return { ok: true, enter };
    why ||= failure;
  }
  return { ok: false, why: `this host gives this user no namespaces (${why})` };
}
