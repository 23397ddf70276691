/** The prober port: one health check over the network. Drivers: Node.js sockets; the simulator's modelled guests. */
export interface Prober {
  /** Calls `done` exactly once, within `timeoutMs`, never during this call. */
  probe(target: ProbeTarget, done: (result: ProbeResult) => void): void;
}

export interface ProbeTarget {
  readonly kind: "tcp" | "http";
  readonly address: string;
  readonly port: number;
  /** For http: the request path. Healthy is a status from 200 to 399. */
  readonly path: string;
  readonly timeoutMs: number;
}

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly message: string };
