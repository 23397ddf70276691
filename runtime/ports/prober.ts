/** The prober port: one health check, over the network or in the guest. Drivers: Node.js sockets and guests' agents; the simulator's modelled guests. */
export interface Prober {
  /** Calls `done` exactly once, within `timeoutMs`, never during this call. */
  probe(target: ProbeTarget, done: (result: ProbeResult) => void): void;
}

export type ProbeTarget = PortTarget | ExecTarget;

export interface PortTarget {
  readonly kind: "tcp" | "http";
  readonly address: string;
  readonly port: number;
  /** For http: the request path. Healthy is a status from 200 to 399. */
  readonly path: string;
  readonly timeoutMs: number;
}

/** A command in a guest of this host: healthy is status 0. */
export interface ExecTarget {
  readonly kind: "exec";
  readonly instance: string;
  readonly command: readonly string[];
  /** Past it the command is ended. */
  readonly timeoutMs: number;
}

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly message: string };
