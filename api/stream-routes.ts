/**
 * `GET /vms/:name/exec|files|console`: streams between a client and a guest, from whichever node runs it.
 *
 * What is refused before the upgrade is refused as everywhere; what the guest or its driver refuses is the stream's last frame. A node whose
 * instance it is not passes the connection's bytes on to the one that has it, and looks at none of them.
 */
import type { Duplex } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { checkSchema, type Node, type Vm } from "../actors/index.ts";
import type { GuestStream, StreamEnd, StreamListener, StreamRequest, TerminalSize } from "../runtime/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { NODES, readOne, VMS } from "./collection-routes.ts";
import type { StreamPlace } from "./open-streams.ts";
import { HOP_HEADER } from "./peer-api.ts";
import { REPLICA_CODES, refusals } from "./route-schemas.ts";
import { FRAME, type Frame, FrameReader, frameOf, jsonFrame, jsonOfFrame } from "./stream-frames.ts";
import { STREAM_OPENINGS, STREAM_ROUTES, type StreamRoute, TerminalDimensions } from "./stream-opening.ts";
import { assertOffer, takeConnection } from "./upgrades.ts";
import { NameParams } from "./wire.ts";

const SUMMARIES: Readonly<Record<StreamRoute, string>> = {
  exec: "Run a command in a VM's guest",
  files: "Copy a file to or from a VM's guest",
  console: "Attach to the serial console of a VM",
};
/** A client that is gone without a word is found out by the system within some minutes. */
const KEEP_ALIVE_MS = 30_000;

export function registerStreams(api: Api, context: ApiContext): void {
  for (const route of Object.keys(STREAM_ROUTES) as StreamRoute[]) {
    api.get(
      `/vms/:name/${route}`,
      {
        schema: {
          summary: SUMMARIES[route],
          description: "Upgraded to the frames of `api/stream-frames.ts`.",
          tags: ["vms"],
          params: NameParams,
          response: {
            101: { description: "the connection carries frames from here on", type: "null" },
            ...refusals(
              "invalid-parameter",
              "not-found",
              "no-instance",
              "conflict",
              "upgrade-required",
              "too-many-streams",
              "node-unreachable",
              ...REPLICA_CODES,
            ),
          },
        },
      },
      async (request, reply) => {
        assertOffer(request);
        const place = context.streams.add();
        try {
          await connect(context, request, reply, { name: request.params.name, route, place });
        } catch (error) {
          place.release();
          throw error;
        }
        return reply;
      },
    );
  }
}

interface Wanted {
  readonly name: string;
  readonly route: StreamRoute;
  readonly place: StreamPlace;
}

async function connect(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { name, route, place }: Wanted,
): Promise<void> {
  const vm = (await readOne(context, VMS, name, "linearizable")) as Vm;
  const { instance, phase } = vm.status;
  if (instance === null) {
    throw apiError(
      "no-instance",
      `VM "${name}" does not run: it is ${phase}; start it with "blixard vm start ${name}"`,
    );
  }
  if (instance.node === context.node) {
    const { socket, head } = takeConnection(request, reply);
    serve(context, socket, head, { instance: instance.id, route, place });
    return;
  }
  if (request.headers[HOP_HEADER] !== undefined) {
    throw apiError("conflict", `VM "${name}" is on node "${instance.node}", not on "${context.node}"; ask again`);
  }
  const peer = (await readOne(context, NODES, instance.node, "local")) as Node;
  const other = await context.peers.stream(peer, `/api/v1/vms/${name}/${route}`);
  const { socket, head } = takeConnection(request, reply);
  passOn(context, { client: { socket, head }, other, place });
}

interface Way {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Either side waits while the other does not take more; what was sent before an end still arrives. */
function passOn(
  { clock, limits }: ApiContext,
  { client, other, place }: { readonly client: Way; readonly other: Way; readonly place: StreamPlace },
): void {
  place.onCut(() => client.socket.destroy());
  for (const [from, to] of [
    [client, other],
    [other, client],
  ] as const) {
    from.socket.on("error", () => undefined);
    from.socket.once("close", () => {
      to.socket.end();
      place.release();
      const late = clock.setTimer(limits.closeMs, () => to.socket.destroy());
      to.socket.once("close", () => clock.clearTimer(late));
    });
    if (from.head.length > 0) to.socket.write(from.head);
    from.socket.pipe(to.socket);
  }
}

interface Target {
  readonly instance: string;
  readonly route: StreamRoute;
  readonly place: StreamPlace;
}

function serve(context: ApiContext, socket: Duplex, head: Buffer, { instance, route, place }: Target): void {
  let stream: GuestStream | undefined;
  let isOver = false;
  let beat = context.clock.setTimer(context.limits.bookmarkMs, sayBeat);
  const listener: StreamListener = {
    onFile: (sizeBytes, mode) => void socket.write(jsonFrame(FRAME.file, { sizeBytes, mode })),
    onOutput: (channel, bytes) => void socket.write(frameOf(channel === "out" ? FRAME.out : FRAME.err, bytes)),
    onGrant: (bytes) => void socket.write(jsonFrame(FRAME.grant, bytes)),
    onEnd: end,
  };
  const reader = new FrameReader((frame) => {
    if (stream === undefined) stream = open(frame);
    else take(frame, stream);
  });
  if ("setKeepAlive" in socket && typeof socket.setKeepAlive === "function") socket.setKeepAlive(true, KEEP_ALIVE_MS);
  place.onCut((reason) => {
    stream?.cancel();
    end({ ok: false, code: "cancelled", message: reason.message });
  });
  // A client that says nothing more will not hear anything either.
  socket.once("end", () => socket.end());
  socket.once("close", () => {
    isOver = true;
    context.clock.clearTimer(beat);
    place.release();
    stream?.cancel();
  });
  socket.on("data", read);
  if (head.length > 0) read(head);

  function read(chunk: Buffer): void {
    try {
      if (!isOver) reader.push(chunk);
    } catch (error) {
      // Of a client that keeps to the protocol nothing is ever thrown.
      stream?.cancel();
      end({ ok: false, code: "failed", message: `The client broke the protocol: ${(error as Error).message}` });
    }
  }

  function open(frame: Frame): GuestStream {
    const request = { ...openingOf(frame, route), instance };
    return context.guests.openStream(request, listener);
  }

  function end(last: StreamEnd): void {
    if (isOver) return;
    isOver = true;
    context.clock.clearTimer(beat);
    socket.end(jsonFrame(FRAME.end, last));
    // A client that reads nothing must not keep the connection.
    const late = context.clock.setTimer(context.limits.stallMs, () => socket.destroy());
    socket.once("close", () => context.clock.clearTimer(late));
  }

  function sayBeat(): void {
    socket.write(frameOf(FRAME.beat));
    beat = context.clock.setTimer(context.limits.bookmarkMs, sayBeat);
  }
}

/** What a client says once its stream is open. @throws for what it may not. */
function take(frame: Frame, stream: GuestStream): void {
  switch (frame.type) {
    case FRAME.in:
      stream.send(frame.payload);
      return;
    case FRAME.finish:
      stream.finish();
      return;
    case FRAME.grant:
      stream.grant(countOf(frame));
      return;
    case FRAME.resize:
      stream.resize(sizeOf(frame));
      return;
    case FRAME.signal:
      stream.signal(countOf(frame));
      return;
    case FRAME.cancel:
      stream.cancel();
      return;
    default:
      throw new RangeError(`a frame of type ${frame.type}`);
  }
}

function countOf(frame: Frame): number {
  const value = jsonOfFrame(frame);
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError("a number that is none");
}

function sizeOf(frame: Frame): TerminalSize {
  const value = jsonOfFrame(frame);
  if (checkSchema(TerminalDimensions, value).length > 0) throw new RangeError("a size that is none");
  return value as TerminalSize;
}

type Opening = StreamRequest extends infer One ? (One extends StreamRequest ? Omit<One, "instance"> : never) : never;

function openingOf(frame: Frame, route: StreamRoute): Opening {
  const value = frame.type === FRAME.open ? jsonOfFrame(frame) : undefined;
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  const wanted = STREAM_ROUTES[route].find((one) => one === type);
  if (wanted === undefined) throw new RangeError(`the first frame opens a ${STREAM_ROUTES[route].join(" or ")}`);
  const problems = checkSchema(STREAM_OPENINGS[wanted], value);
  if (problems.length > 0) throw new RangeError(problems.map(({ message }) => message).join("; "));
  return value as Opening;
}
