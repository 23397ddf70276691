/**
 * What the map says of a migration, live or by stop and start: the one that goes on (`VmStatus.migration`), and what came of the last (`VmStatus.lastMigration`).
 *
 * The source is where the VM's instance is; both nodes hold room for it from the first command on (`../cluster/migration-commands.ts`).
 */
import Type, { type Static } from "typebox";
import { Name } from "./metadata.ts";
import { MIGRATION_DEFAULTS } from "./move-defaults.ts";

const strict = { additionalProperties: false };

/** How a guest is sent; in bytes a second and milliseconds. */
export const MigrationLimits = Type.Object(
  {
    /** Most that is sent a second. Default: a gigabit. */
    bandwidthBytesPerSecond: Type.Integer({
      minimum: 65_536,
      maximum: 1_099_511_627_776,
      default: MIGRATION_DEFAULTS.bandwidthBytesPerSecond,
    }),
    /** How long the guest may stand still for its last pages. */
    downtimeMs: Type.Integer({ minimum: 1, maximum: 60_000, default: MIGRATION_DEFAULTS.downtimeMs }),
    /** Slows a guest down that dirties pages faster than they can be sent. */
    autoConverge: Type.Boolean({ default: MIGRATION_DEFAULTS.autoConverge }),
    /** Given up after this long, from when it was taken on. */
    timeoutMs: Type.Integer({ minimum: 1000, maximum: 86_400_000, default: MIGRATION_DEFAULTS.timeoutMs }),
  },
  strict,
);
export type MigrationLimits = Static<typeof MigrationLimits>;

export const MigrationEndpoint = Type.Object({ address: Type.String(), port: Type.Integer() }, strict);
export type MigrationEndpoint = Static<typeof MigrationEndpoint>;

export const MigrationProgress = Type.Object(
  {
    totalBytes: Type.Integer(),
    remainingBytes: Type.Integer(),
    /** Times that memory was gone through. */
    rounds: Type.Integer(),
  },
  strict,
);
export type MigrationProgress = Static<typeof MigrationProgress>;

export const Migration = Type.Object(
  {
    /** Never used twice. */
    id: Type.String(),
    /** Where it goes to, and the epoch of that node's lease. */
    node: Name,
    epoch: Type.Integer(),
    /**
     * `preparing`: the target makes ready; `copying`: it waits at `endpoint`, and the source sends; `stopping`: a move by stop and start, whose guest is
     * stopped at its node.
     */
    phase: Type.Union([Type.Literal("preparing"), Type.Literal("copying"), Type.Literal("stopping")]),
    /** Absent: it moves by stop and start. */
    limits: Type.Optional(MigrationLimits),
    /** Replicated time (decision 0017) from which on the map ends it, whatever its nodes say. Absent: begun by software that did not. */
    untilMs: Type.Optional(Type.Integer()),
    /** Wall clock of whoever asked for it. */
    startedAtMs: Type.Integer(),
    endpoint: Type.Optional(MigrationEndpoint),
    progress: Type.Optional(MigrationProgress),
    /** How long the guest stood still for its last pages, as the source saw it. */
    lastPagesMs: Type.Optional(Type.Integer()),
  },
  strict,
);
export type Migration = Static<typeof Migration>;

export const LastMigration = Type.Object(
  {
    id: Type.String(),
    from: Name,
    to: Name,
    outcome: Type.Union([Type.Literal("moved"), Type.Literal("ended")]),
    /** By stop and start. Absent: live. */
    cold: Type.Optional(Type.Boolean()),
    /** For people: why it ended without a move. */
    message: Type.String(),
    atMs: Type.Integer(),
    /** Parts of the blackout: until all was there, and from then until it ran; each by its own node's clock. */
    lastPagesMs: Type.Optional(Type.Integer()),
    takeOverMs: Type.Optional(Type.Integer()),
  },
  strict,
);
export type LastMigration = Static<typeof LastMigration>;
