/** What the process's exit code says; documented for scripts in `cli/README.md`. Numbers are never given a new meaning. */
export const EXIT = {
  ok: 0,
  /** It did not work, for a reason that no other code names. */
  failed: 1,
  /** The command line, a manifest or the environment is wrong: running it again changes nothing. */
  usage: 2,
  notFound: 3,
  /** The name is taken, or somebody changed the resource in between. */
  conflict: 4,
  /** No node answers, or the cluster has no leader. */
  unreachable: 5,
  /** Waited as long as was asked for, a VM fits no node now, or a bound stopped an exploration. */
  timeout: 6,
  /** Ctrl-C, as shells have it: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
