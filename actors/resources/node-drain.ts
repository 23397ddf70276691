/** What the map says of a node that is being emptied: nothing new is placed there from `drain-node` on, until `undrain-node` (`../cluster/drain-commands.ts`). */
import Type, { type Static } from "typebox";
import { DRAIN_DEFAULTS, DRAINED_AT_ONCE_MAX } from "./move-defaults.ts";

const strict = { additionalProperties: false };

/** How a node is emptied. */
export const DrainLimits = Type.Object(
  {
    /** VMs that cannot move live stay, in place of being stopped and started elsewhere. */
    liveOnly: Type.Boolean({ default: DRAIN_DEFAULTS.liveOnly }),
    /** VMs that move from it at once. */
    atOnce: Type.Integer({ minimum: 1, maximum: DRAINED_AT_ONCE_MAX, default: DRAIN_DEFAULTS.atOnce }),
    /** Nothing more is moved after this long; the node stays closed. */
    timeoutMs: Type.Integer({ minimum: 1000, maximum: 86_400_000, default: DRAIN_DEFAULTS.timeoutMs }),
  },
  strict,
);
export type DrainLimits = Static<typeof DrainLimits>;

export const NodeDrain = Type.Object(
  {
    /** Index of the command that began it. */
    id: Type.Integer(),
    /** `draining`: VMs are moved away; `drained`: none is left; `ended`: its time is over, and what is left stays. */
    phase: Type.Union([Type.Literal("draining"), Type.Literal("drained"), Type.Literal("ended")]),
    limits: DrainLimits,
    /** Replicated time (decision 0017) from which on it has ended. */
    untilMs: Type.Integer(),
    /** Wall clock of whoever asked for it. */
    startedAtMs: Type.Integer(),
  },
  strict,
);
export type NodeDrain = Static<typeof NodeDrain>;
