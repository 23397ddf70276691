/** The `Event` resource: something that happened, for people. Kept in a bounded ring, never acted on. */
import Type, { type Static } from "typebox";
import { Metadata } from "./metadata.ts";
import { API_VERSION } from "./api-version.ts";

const strict = { additionalProperties: false };

export const EventSpec = Type.Object(
  {
    type: Type.Union([Type.Literal("Normal"), Type.Literal("Warning")]),
    /** One word in camel case, for machines: `Scheduled`, `NodeLost`, `GuestCrashed`. */
    reason: Type.String(),
    message: Type.String(),
    /** What it is about. */
    regarding: Type.Object({ kind: Type.String(), name: Type.String() }, strict),
    atMs: Type.Integer(),
  },
  strict,
);
export type EventSpec = Static<typeof EventSpec>;

export const Event = Type.Object(
  { apiVersion: Type.Literal(API_VERSION), kind: Type.Literal("Event"), metadata: Metadata, spec: EventSpec },
  strict,
);
export type Event = Static<typeof Event>;
