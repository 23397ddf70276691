/**
 * `spec.health` of a VM: how its guest is asked whether it serves. What each kind asks stands in its own schema, told apart by `type`, which is
 * `tcp` where none is written; when a guest counts as healthy is the same for all (`../vm/health.ts`).
 */
import Type, { type Static, type TInteger } from "typebox";

const strict = { additionalProperties: false };

/** Consecutive failures until a healthy VM counts as unhealthy and is restarted. */
const failuresMax: TInteger = Type.Integer({ minimum: 1, maximum: 100, default: 3 });

/** How long a start may take before failures count. */
const startMs: TInteger = Type.Integer({ minimum: 0, maximum: 3_600_000, default: 60_000 });

const PortHealth = Type.Object(
  {
    type: Type.Union([Type.Literal("http"), Type.Literal("tcp")], { default: "tcp" }),
    /** A guest port that `ports` forwards. */
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    path: Type.String({ pattern: "^/", default: "/", description: "request path, for http" }),
    intervalMs: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 1000 }),
    timeoutMs: Type.Integer({ minimum: 50, maximum: 60_000, default: 1000 }),
    failuresMax,
    startMs,
  },
  strict,
);

/** A command in the guest, through its agent: healthy is status 0. Nodes whose driver cannot run one do not get the VM. */
const ExecHealth = Type.Object(
  {
    type: Type.Literal("exec"),
    command: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { minItems: 1, maxItems: 64 }),
    intervalMs: Type.Integer({ minimum: 500, maximum: 3_600_000, default: 5000 }),
    /** Past it the command is ended, and has failed. */
    timeoutMs: Type.Integer({ minimum: 50, maximum: 60_000, default: 2000 }),
    failuresMax,
    startMs,
  },
  strict,
);

/** That the guest is there at all: its agent beats once a second. An interval without one is a failure. */
const HeartbeatHealth = Type.Object(
  {
    type: Type.Literal("heartbeat"),
    /** At least two beats of the agent, so that one that is late is no failure. */
    intervalMs: Type.Integer({ minimum: 2000, maximum: 3_600_000, default: 3000 }),
    failuresMax,
    startMs,
  },
  strict,
);

export const VmHealth = Type.Union([PortHealth, ExecHealth, HeartbeatHealth]);
export type VmHealth = Static<typeof VmHealth>;
