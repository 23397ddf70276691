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
  /** What would help. */
  readonly hint: string;

  constructor(code: ListenErrorCode, details: { message: string; hint: string; cause?: unknown }) {
    super(details.message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** @throws {ListenError} `listen-needs-token`. */
export function assertListenable(address: ListenAddress, token: string | undefined): void {
  if (token !== undefined || isLoopback(address.host)) return;
  throw new ListenError("listen-needs-token", {
    message: `Cannot serve the API on ${format(address)}: others reach that address and there is no cluster token.`,
    hint: "Set a token, or listen on 127.0.0.1.",
  });
}

export function toListenError(address: ListenAddress, cause: NodeJS.ErrnoException): ListenError {
  const [code, reason, hint] = reasonOf(cause);
  return new ListenError(code, { message: `Cannot serve the API on ${format(address)}: ${reason}.`, hint, cause });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): readonly [ListenErrorCode, reason: string, hint: string] {
  switch (code) {
    case "EADDRINUSE":
      return ["listen-port-in-use", "the port is in use", "Stop what uses it, or give this node another port."];
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return [
        "listen-address-missing",
        "this host has no such address",
        'One of those that "ip address" lists will do.',
      ];
    case "EACCES":
    case "EPERM":
      return ["listen-not-allowed", "this user may not", "Take a port above 1023."];
    default:
      return ["listen-failed", message, "Check the address that the API is to listen on."];
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function format({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
