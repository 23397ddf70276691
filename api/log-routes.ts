/**
 * `GET /vms/:name/logs`: the console of a VM's instance, from whichever node runs it.
 *
 * As text, or, with `Accept: application/x-ndjson`, as lines of JSON that tell the log's lines from heartbeats and from what
 * went wrong. Nodes ask each other in JSON. A request that came from another node is never passed on: when the instance is
 * not here either, it moved in between, and the client asks again.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Node, Vm } from "../actors/index.ts";
import type { Api, ApiContext } from "./api-context.ts";
import { apiError, errorBody, type ApiError } from "./api-error.ts";
import { NODES, readOne, VMS } from "./collection-routes.ts";
import { LineStream } from "./line-stream.ts";
import type { StreamPlace } from "./open-streams.ts";
import { HOP_HEADER } from "./peer-api.ts";
import { REPLICA_CODES, refusals, jsonAnswer } from "./route-schemas.ts";
import { LogQuery, NameParams, type LogLine } from "./wire.ts";

/** Feeds a log into `emit`, from `end` or `error` on nothing more. The result stops it. */
type LogSource = (emit: (line: LogLine) => void) => () => void;

export function registerLogs(api: Api, context: ApiContext): void {
  api.get(
    "/vms/:name/logs",
    {
      schema: {
        summary: "Read or follow the console of a VM",
        tags: ["vms"],
        params: NameParams,
        querystring: LogQuery,
        response: {
          200: {
            description: "lines, as text or as JSON",
            content: {
              "text/plain": { schema: { type: "string" } },
              "application/x-ndjson": jsonAnswer("", "LogLine", "LogLine").content["application/x-ndjson"],
            },
          },
          ...refusals(
            "invalid-parameter",
            "not-found",
            "no-instance",
            "too-many-streams",
            "node-unreachable",
            ...REPLICA_CODES,
          ),
        },
      },
    },
    async (request, reply) => {
      // A place first: a log that was opened at another node must not be left open there because there is none.
      const place = context.streams.add();
      try {
        const source = await findLog(context, request, request.params.name, request.query);
        return streamLog(context, reply, source, { asJson: wantsJson(request), query: request.query, place });
      } catch (error) {
        place.release();
        throw error;
      }
    },
  );
}

async function findLog(
  context: ApiContext,
  request: FastifyRequest,
  name: string,
  query: LogQuery,
): Promise<LogSource> {
  const vm = (await readOne(context, VMS, name, query.consistency)) as Vm;
  // Of a VM that does not run now, what the last run said: a job is over when one wants to read it.
  const instance = vm.status.instance ?? vm.status.lastInstance;
  if (instance === null) throw noInstance(vm);
  if (instance.node === context.node) return localLog(context, instance, query);
  if (request.headers[HOP_HEADER] !== undefined) {
    throw apiError(
      "conflict",
      `The log of VM "${name}" is on node "${instance.node}", not on "${context.node}"; ask again`,
    );
  }
  const peer = (await readOne(context, NODES, instance.node, "local")) as Node;
  const abort = new AbortController();
  return peerLog(await context.peers.logs(peer, name, query, abort), abort, peer);
}

function noInstance({ metadata, status }: Vm): ApiError {
  const why = status.message === "" ? "" : `: ${status.message}`;
  return apiError(
    "no-instance",
    `VM "${metadata.name}" has not run yet and so has no log; it is ${status.phase}${why}`,
  );
}

function localLog({ logs }: ApiContext, { id }: { readonly id: string }, { tail, follow }: LogQuery): LogSource {
  return (emit) => {
    const subscription = logs.readLogs({
      instance: id,
      tail,
      follow,
      onLine: (line) => emit({ type: "line", line }),
      onEnd: (error) => {
        if (error === undefined) emit({ type: "end" });
        else emit({ type: "error", ...errorBody(apiError("internal", error)) } as LogLine);
      },
    });
    return () => subscription.cancel();
  };
}

function peerLog(lines: AsyncIterable<LogLine>, abort: AbortController, peer: Node): LogSource {
  async function pump(emit: (line: LogLine) => void): Promise<void> {
    try {
      for await (const line of lines) if (line.type !== "heartbeat") emit(line);
      emit({ type: "end" });
    } catch {
      if (abort.signal.aborted) return;
      const lost = apiError("node-unreachable", `The connection to node "${peer.metadata.name}" broke; ask again`);
      emit({ type: "error", ...errorBody(lost) } as LogLine);
    }
  }
  return (emit) => {
    void pump(emit);
    return () => abort.abort();
  };
}

interface LogForm {
  readonly asJson: boolean;
  readonly query: LogQuery;
  readonly place: StreamPlace;
}

function streamLog(context: ApiContext, reply: FastifyReply, source: LogSource, form: LogForm): FastifyReply {
  const { clock, limits } = context;
  const render = form.asJson ? (line: LogLine): string => JSON.stringify(line) : renderText;
  // Without `follow` the log as it is now is all that comes, so none of it counts as falling behind.
  let historyLeft = form.query.follow ? form.query.tail : Infinity;
  let left = false;
  let stop = (): void => undefined;
  let heartbeat = clock.setTimer(limits.bookmarkMs, beat);

  reply.hijack();
  const stream = new LineStream({
    response: reply.raw,
    contentType: form.asJson ? "application/x-ndjson" : "text/plain; charset=utf-8",
    clock,
    limits,
    lastWords: (reason) => render({ type: "error", ...errorBody(reason) } as LogLine) ?? "",
    onClosed: () => {
      left = true;
      form.place.release();
      clock.clearTimer(heartbeat);
      stop();
    },
  });
  form.place.onCut((reason) => stream.cut(reason));
  stop = source((line) => {
    const text = render(line);
    if (text !== undefined && historyLeft > 0) stream.sendHistory(text);
    else if (text !== undefined) stream.send(text);
    historyLeft -= 1;
    if (line.type === "end" || line.type === "error") stream.end();
  });
  if (left) stop();
  return reply;

  /** What tells a quiet log from a dead connection; text has no room for it. */
  function beat(): void {
    if (form.asJson) stream.send(JSON.stringify({ type: "heartbeat" }));
    heartbeat = clock.setTimer(limits.bookmarkMs, beat);
  }
}

/** An error stands in the text, marked as ours: a text stream has no other place for it. */
function renderText(line: LogLine): string | undefined {
  switch (line.type) {
    case "line":
      return line.line;
    case "error":
      return `[blixard] the log breaks off: ${line.error.message}`;
    case "heartbeat":
    case "end":
      return undefined;
    default:
      return line satisfies never;
  }
}

function wantsJson({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes("application/x-ndjson") === true;
}
