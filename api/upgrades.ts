/**
 * Requests that become a connection of their own, answered by the framework like any other until the route takes the socket.
 *
 * So access, parameters and refusals are those of every route: a request that is refused gets its error as HTTP, and only a route that agrees
 * says 101.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { UPGRADE_PROTOCOL } from "./stream-frames.ts";

interface Offer {
  readonly socket: Duplex;
  /** What came right behind the request. */
  readonly head: Buffer;
}

/** Where a request carries its connection, until a route takes it. */
const OFFER = Symbol("connection");

interface OfferingRequest extends IncomingMessage {
  [OFFER]?: Offer | undefined;
}

/** Which requests are meant; others that ask for an upgrade are answered as if they had not. */
export function isOurUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === UPGRADE_PROTOCOL;
}

export function serveUpgrades(api: Api): void {
  api.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The client's leaving; `close` follows.
    socket.on("error", () => undefined);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
    response.once("finish", () => socket.end());
    (request as OfferingRequest)[OFFER] = { socket, head };
    api.routing(request, response);
  });
}

/** Takes the connection and says 101. @throws {ApiError} when the client did not offer it. */
export function takeConnection(request: FastifyRequest, reply: FastifyReply): Offer {
  const offer = assertOffer(request);
  (request.raw as OfferingRequest)[OFFER] = undefined;
  reply.hijack();
  reply.raw.detachSocket(offer.socket as Parameters<ServerResponse["detachSocket"]>[0]);
  offer.socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`);
  return offer;
}

/** @throws {ApiError} `upgrade-required`. */
export function assertOffer({ raw }: FastifyRequest): Offer {
  const offer = (raw as OfferingRequest)[OFFER];
  if (offer !== undefined) return offer;
  throw apiError(
    "upgrade-required",
    `This is a stream: ask with "Connection: upgrade" and "Upgrade: ${UPGRADE_PROTOCOL}", as "blixard vm exec" does`,
  );
}
