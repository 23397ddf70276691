/** The first frame of a stream's client: what it wants from the guest. Which VM stands in the path, which instance that is the server finds. */
import { Type, type Static } from "@fastify/type-provider-typebox";
import type { StreamRequest } from "../runtime/index.ts";

const strict = { additionalProperties: false };
const COMMAND_ITEMS_MAX = 1_000;
const TIMEOUT_MS_MAX = 7 * 24 * 3_600_000;

export const TerminalDimensions = Type.Object(
  { columns: Type.Integer({ minimum: 0, maximum: 65_535 }), rows: Type.Integer({ minimum: 0, maximum: 65_535 }) },
  strict,
);

const Path = Type.String({ minLength: 1, maxLength: 4_000 });

/** What each route's first frame may be. */
export const STREAM_OPENINGS = {
  exec: Type.Object(
    {
      type: Type.Literal("exec"),
      command: Type.Array(Type.String({ maxLength: 20_000 }), { minItems: 1, maxItems: COMMAND_ITEMS_MAX }),
      env: Type.Record(Type.String(), Type.String()),
      folder: Type.Optional(Path),
      terminal: Type.Optional(TerminalDimensions),
      timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: TIMEOUT_MS_MAX })),
    },
    strict,
  ),
  put: Type.Object(
    {
      type: Type.Literal("put"),
      path: Path,
      mode: Type.String({ pattern: "^[0-7]{3,5}$" }),
      sizeBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    },
    strict,
  ),
  get: Type.Object({ type: Type.Literal("get"), path: Path }, strict),
  console: Type.Object(
    {
      type: Type.Literal("console"),
      access: Type.Union([Type.Literal("read"), Type.Literal("write"), Type.Literal("take")]),
      who: Type.String({ maxLength: 200 }),
      terminal: Type.Optional(TerminalDimensions),
    },
    strict,
  ),
} as const;

/** What a client asks for. */
export type StreamOpening = {
  [Type in keyof typeof STREAM_OPENINGS]: Static<(typeof STREAM_OPENINGS)[Type]>;
}[keyof typeof STREAM_OPENINGS];

/** The routes below `/vms/:name`, and what each carries. */
export const STREAM_ROUTES: Readonly<Record<StreamRoute, readonly StreamOpening["type"][]>> = {
  exec: ["exec"],
  files: ["put", "get"],
  console: ["console"],
};

export type StreamRoute = "exec" | "files" | "console";

export function routeOf(opening: Pick<StreamRequest, "type">): StreamRoute {
  return opening.type === "put" || opening.type === "get" ? "files" : opening.type;
}
