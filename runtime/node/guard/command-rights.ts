/**
 * Whose a guarded command is: the words for setpriv (util-linux) that make it another user's, with nothing of what the node may.
 *
 * The parent-death signal is set by the same setpriv, after the change of ids, which clears it.
 * Source: setpriv(1); prctl(2), PR_SET_PDEATHSIG.
 */

export interface CommandRights {
  /** User and group have the same number. */
  readonly user: number;
  /** Groups beside it, such as that of /dev/kvm. */
  readonly groups: readonly number[];
  /** It is to listen on ports below 1024. */
  readonly lowPorts: boolean;
}

/** That of util-linux. */
export const SETPRIV = "setpriv";

const LOW_PORTS = "+net_bind_service";

export function rightsWords({ user, groups, lowPorts }: CommandRights): readonly string[] {
  return [
    ...["--reuid", String(user), "--regid", String(user)],
    ...(groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")]),
    ...(lowPorts ? ["--inh-caps", LOW_PORTS, "--ambient-caps", LOW_PORTS] : []),
    "--nnp",
  ];
}
