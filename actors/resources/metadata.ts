/** What every resource carries beside its spec and status. */
import Type, { type Static } from "typebox";

/** RFC 1123 label: what fits into host names, paths and actor names alike. */
export const NAME_PATTERN = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

export const Name = Type.String({
  pattern: NAME_PATTERN,
  description: "1 to 63 lower-case letters, digits and dashes; starts and ends with a letter or digit",
});

export const Labels = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9._/-]{1,128}$" }),
  Type.String({ maxLength: 256 }),
  {
    description: "free key and value pairs to select by",
  },
);

export const Metadata = Type.Object(
  {
    name: Name,
    /** Never reused, also when a resource of the same name is made again. */
    uid: Type.String(),
    /** Raft index of the last change; compare, do not count with it. */
    version: Type.Integer(),
    /** Counts changes of the spec; 1 at creation. */
    generation: Type.Integer(),
    /** Wall-clock milliseconds since the epoch, by the proposer's clock. */
    createdAtMs: Type.Integer(),
    /** When a delete was asked for; the resource goes once nothing of it runs. */
    deletedAtMs: Type.Optional(Type.Integer()),
    labels: Labels,
  },
  { additionalProperties: false },
);
export type Metadata = Static<typeof Metadata>;
