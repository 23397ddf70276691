/**
 * Who may ask: what a careful server checks before there are roles.
 *
 * - The Host header must name this server: an IP address, `localhost` or a name it was given. A web page whose name was
 *   made to resolve to 127.0.0.1 (DNS rebinding) brings its own name along and is refused.
 * - An Origin header must be this server's own, and there are no CORS headers: other web pages can neither read nor, by a
 *   form or a plain POST, act.
 * - With a token, every route but the probes asks for `Authorization: Bearer`, except from the host itself, whose users
 *   are trusted until roles come. A request that a proxy forwarded does not count as from the host.
 * - Without a token the server only listens on loopback addresses (`listen-error.ts`).
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { apiError } from "./api-error.ts";

export interface AccessOptions {
  readonly token: string | undefined;
  /** Names besides IP addresses and `localhost` under which clients reach this server. */
  readonly hostNames: readonly string[];
}

/** Headers that a proxy adds; whoever sends them is not simply a user of this host. */
const FORWARDED_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip"];

export class Access {
  readonly #tokenHash: Buffer | undefined;
  readonly #hostNames: ReadonlySet<string>;

  constructor({ token, hostNames }: AccessOptions) {
    this.#tokenHash = token === undefined ? undefined : hash(token);
    this.#hostNames = new Set(["localhost", ...hostNames.map((name) => name.toLowerCase())]);
  }

  /** @throws {ApiError} `unknown-host` or `cross-origin`. */
  checkOrigin({ headers }: IncomingMessage): void {
    const host = headers.host ?? "";
    const name = hostNameOf(host);
    if (isIP(name) === 0 && !this.#hostNames.has(name)) {
      throw apiError(
        "unknown-host",
        `This server is not "${host}"; ask by IP address or localhost, or give the node that name`,
      );
    }
    const { origin } = headers;
    if (origin !== undefined && originHost(origin) !== host) {
      throw apiError("cross-origin", `Web pages of ${origin} may not use this server`);
    }
  }

  /** @throws {ApiError} `unauthorized`. */
  checkToken({ headers, socket }: IncomingMessage): void {
    if (this.#tokenHash === undefined) return;
    const forwarded = FORWARDED_HEADERS.some((name) => headers[name] !== undefined);
    if (!forwarded && isLoopback(socket.remoteAddress ?? "")) return;
    const [, given] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    if (given === undefined)
      throw apiError("unauthorized", "This server wants the cluster's token: Authorization: Bearer TOKEN");
    // Hashes are of one length, so comparing them takes the same time whatever was given.
    if (!timingSafeEqual(hash(given), this.#tokenHash))
      throw apiError("unauthorized", "This is not the cluster's token");
  }
}

/** Whether an address can only be reached from its own host. */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address) || address === "::1" || address === "localhost";
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function hostNameOf(host: string): string {
  const [, bracketed, plain = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::\d+)?$/.exec(host) ?? [];
  return (bracketed ?? plain).toLowerCase();
}

function originHost(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
