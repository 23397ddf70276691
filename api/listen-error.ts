/** Why the server cannot listen, and the way out. */
import { isLoopback } from "./access.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: whichever is free. */
  readonly port: number;
}

export type ListenErrorCode =
  | "listen-port-in-use"
  | "listen-address-missing"
  | "listen-not-allowed"
  /** An address that others reach, without a token: whoever reaches it could run VMs. */
  | "listen-needs-token"
  | "listen-failed";

export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** @throws {ListenError} `listen-needs-token`. */
export function assertListenable(address: ListenAddress, token: string | undefined): void {
  if (token !== undefined || isLoopback(address.host)) return;
  throw new ListenError(
    "listen-needs-token",
    `Cannot serve the API on ${format(address)}: others reach that address and there is no cluster token; set one or listen on 127.0.0.1`,
  );
}

export function toListenError(address: ListenAddress, cause: NodeJS.ErrnoException): ListenError {
  const at = format(address);
  switch (cause.code) {
    case "EADDRINUSE":
      return new ListenError(
        "listen-port-in-use",
        `Cannot serve the API on ${at}: the port is in use; stop what uses it or give this node another port`,
        cause,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ListenError(
        "listen-address-missing",
        `Cannot serve the API on ${at}: this host has no such address`,
        cause,
      );
    case "EACCES":
    case "EPERM":
      return new ListenError(
        "listen-not-allowed",
        `Cannot serve the API on ${at}: this user may not; take a port above 1023`,
        cause,
      );
    default:
      return new ListenError("listen-failed", `Cannot serve the API on ${at}: ${cause.message}`, cause);
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function format({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
