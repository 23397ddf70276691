/** Answers a request with a watch: one watch actor, one stream of JSON lines. */
import type { FastifyReply } from "fastify";
import type { Selection } from "../actors/index.ts";
import type { ApiContext } from "./api-context.ts";
import { errorBody, type ApiError } from "./api-error.ts";
import { LineStream } from "./line-stream.ts";
import { watchActor } from "./watch-actor.ts";

export interface WatchTarget {
  readonly selection: Selection;
  readonly since?: number;
}

/** Resolves when the stream is open and belongs to its actor. @throws {ApiError} when the watch is refused. */
export async function streamWatch(
  context: ApiContext,
  reply: FastifyReply,
  target: WatchTarget,
): Promise<FastifyReply> {
  const { system, replica, streams, clock, limits } = context;
  const { promise: opening, resolve: opened, reject: refused } = Promise.withResolvers<void>();
  let stream: LineStream | undefined;
  const place = streams.add();
  place.onCut(fail);

  function open(): void {
    reply.hijack();
    stream = new LineStream({
      response: reply.raw,
      contentType: "application/x-ndjson",
      clock,
      limits,
      lastWords: (reason) => JSON.stringify({ type: "error", ...errorBody(reason) }),
      onClosed: leave,
    });
    opened();
  }

  function fail(reason: ApiError): void {
    if (stream !== undefined) {
      stream.cut(reason);
      return;
    }
    leave();
    refused(reason);
  }

  function leave(): void {
    place.release();
    system.stopActor(actor);
  }

  const actor = system.spawn(
    watchActor({
      ...target,
      replica: replica.ref,
      bookmarkMs: limits.bookmarkMs,
      readMs: limits.readMs,
      sink: {
        open,
        send: (line) => {
          if (line.type === "synced") stream?.sendHistory(JSON.stringify(line));
          else stream?.send(JSON.stringify(line));
        },
        finish: () => stream?.end(),
        fail,
      },
    }),
  );
  await opening;
  return reply;
}
