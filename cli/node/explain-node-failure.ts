/** What ended a node, for a person: failures of its disk and network are told as such, anything else is a bug of ours. */
import { StoreError } from "../../runtime/index.ts";
import { TransportError } from "../../transport/node/index.ts";
import { ListenError } from "../../api/listen-error.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { NodeConfig } from "../node-config.ts";

/** What the file system says, by code, and what helps. */
const DISK_HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Free space on its disk, then start the node again.",
  EDQUOT: "Free space within this user's quota, then start the node again.",
  EROFS: "Its file system is read-only: mount it writable, after a look at dmesg.",
  EIO: "Check the disk (dmesg, smartctl).",
  EACCES: "Give the folder to the user that runs the node.",
  EPERM: "Give the folder to the user that runs the node.",
  EMFILE: "Raise the limit of open files (LimitNOFILE= in a systemd unit).",
};

/** A `CliError` where a person can mend it; a bug stays as it is and keeps its stack. */
export function explainNodeFailure(error: unknown, { name, dataDir }: Pick<NodeConfig, "name" | "dataDir">): unknown {
  if (error instanceof StoreError || error instanceof TransportError || error instanceof ListenError) {
    return new CliError(EXIT.failed, error.message, { hint: error.hint, cause: error });
  }
  const { code = "", path = dataDir } = error as NodeJS.ErrnoException;
  const hint = DISK_HINTS[code];
  if (!(error instanceof Error) || hint === undefined || !path.startsWith(dataDir)) return error;
  const message = `Node "${name}" cannot use its data folder "${dataDir}": ${error.message}`;
  return new CliError(EXIT.failed, message, { hint, cause: error });
}
